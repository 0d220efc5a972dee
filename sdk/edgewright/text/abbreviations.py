"""Abbreviations, and what they stand for."""

from edgewright.text.tables import word_list

ALWAYS = {
    "mr": "mister", "mrs": "misses", "ms": "miz", "messrs": "messers", "prof": "professor",
    "gen": "general", "col": "colonel", "lt": "lieutenant", "sgt": "sergeant", "capt": "captain",
    "cpl": "corporal", "cmdr": "commander", "adm": "admiral", "maj": "major", "rev": "reverend",
    "hon": "honorable", "gov": "governor", "sen": "senator", "rep": "representative",
    "pres": "president", "sr": "senior", "jr": "junior", "vs": "versus", "etc": "et cetera",
    "eg": "for example", "ie": "that is", "cf": "compare", "al": "al", "approx": "approximately",
    "dept": "department", "est": "established", "fig": "figure", "figs": "figures",
    "inc": "incorporated", "ltd": "limited", "corp": "corporation", "bros": "brothers",
    "vol": "volume", "vols": "volumes", "ed": "edition", "eds": "editors", "ave": "avenue",
    "blvd": "boulevard", "rd": "road", "hwy": "highway", "pkwy": "parkway", "mt": "mount",
    "apt": "apartment", "ext": "extension", "tel": "telephone", "govt": "government",
    "assn": "association", "univ": "university", "max": "maximum", "min": "minimum",
    "avg": "average", "misc": "miscellaneous", "temp": "temperature", "esp": "especially",
    "incl": "including", "ca": "circa", "co": "company", "hrs": "hours", "mins": "minutes",
    "secs": "seconds", "yrs": "years", "yr": "year", "jan": "january", "feb": "february",
    "mar": "march", "apr": "april", "jun": "june", "jul": "july", "aug": "august",
    "sep": "september", "sept": "september", "oct": "october", "nov": "november",
    "dec": "december", "mon": "monday", "tue": "tuesday", "tues": "tuesday", "wed": "wednesday",
    "thu": "thursday", "thur": "thursday", "thurs": "thursday", "fri": "friday",
    "sat": "saturday", "phd": "p h d", "rm": "room",
}  # fmt: skip
"""What is read for a word with a dot behind it (`e.g.` without its dots)."""

BARE = {"mr", "mrs", "ms", "messrs", "sgt", "capt", "cmdr", "lt", "gen", "prof", "jr", "sr", "vs",
        "etc", "dept", "approx", "inc", "ltd", "govt", "blvd", "bros", "hwy", "pkwy", "hrs",
        "mins", "secs", "yrs", "phd"}  # fmt: skip
"""Those that are also read without the dot; of other cases than Mr or vs only if capitalized."""

BEFORE_NUMBERS = {
    "c": "circa", "no": "number", "nos": "numbers", "p": "page", "pp": "pages", "ch": "chapter",
    "sec": "section", "art": "article", "par": "paragraph", "vol": "volume",
    "fig": "figure", "eq": "equation",
}  # fmt: skip
"""Read so only before a number."""

POSSIBLY_LAST = {"etc", "am", "pm", "inc", "ltd", "corp", "co", "jr", "sr", "al", "phd", "ave",
                 "blvd", "rd", "bros", "est", "govt", "hrs", "mins", "secs", "yrs", "max", "min",
                 "st", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov",
                 "dec", "mon", "tue", "wed", "thu", "fri", "sat", "ed", "ext", "temp", "avg", "ms",
                 "dr", "dept", "fig", "col", "rep", "gen", "cf", "misc", "apt", "tel"}  # fmt: skip
"""The sentence may end with their dot."""
INSIDE = (ALWAYS.keys() - POSSIBLY_LAST) | {"dr", "st", "ms", "gen", "col", "rep", "fig", "cf"}
"""The sentence goes on after their dot, whatever follows."""

WORDS_TOO = dict.fromkeys(word_list("max ed rep temp"), False)
WORDS_TOO |= dict.fromkeys(
    word_list("sat mar mon wed fri hon rev gen sen gov col jan jun dec art fig ave mt"), True
)
"""Also ordinary words: not read as abbreviations where the sentence ends, nor, if True, in lower
case."""
PHRASES = {
    "wwi": "world war one",
    "wwii": "world war two",
    "w/": "with",
    "w/o": "without",
    "b/c": "because",
    "and/or": "and or",
    "n/a": "not applicable",
}
