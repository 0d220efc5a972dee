"""Words that the rules of spelling do not tell: without stress, foreign, names of letters."""

from edgewright.text.tables import word_list, word_set

UNSTRESSED = word_set(
    "el la los las lo al del a ante bajo con contra de desde en entre hacia hasta para por sin so "
    "sobre tras y e o u ni que si pero mas sino pues porque aunque como cuando donde mientras me "
    "te se nos os le les mi mis tu tus su sus nuestro nuestra nuestros nuestras tan don doña fray "
    "san quien quienes cual cuales cuyo cuya"
)
"""Articles, prepositions, conjunctions, pronouns and possessives that lean on the next word."""

NO_ADVERBS = word_set(
    "demente clemente vehemente inclemente aumente comente lamente fermente cimente fomente "
    "alimente experimente documente argumente incremente complemente implemente atormente "
    "reglamente fundamente ornamente segmente fragmente condimente ambiente simiente sedimente "
    "tremente instrumente parlamente salpimente escarmente"
)
"""Words that end in mente and have one stress."""

LETTER_NAMES = dict(
    zip(
        "abcdefghijklmnñopqrstuvxyz",
        word_list(
            "á be ce dé é efe ge hache í jota ka ele eme ene eñe ó pe cu erre ese té ú uve equis "
            "ye zeta"
        ),
        strict=True,
    )
) | {"w": "uve doble", "ç": "cedilla"}

RESPELLED = {
    # loans and names of products
    "software": "sófwer", "hardware": "járdwer", "bluetooth": "blutúz", "wifi": "wáifai",
    "email": "imeil", "mail": "meil", "online": "onláin", "show": "shou", "sándwich": "sánwich",
    "sandwich": "sánwich", "hockey": "jóquey", "pizza": "pitsa", "pizzas": "pitsas",
    "marketing": "márquetin", "parking": "párquin", "camping": "cámpin", "ranking": "ránkin",
    "jeans": "yins", "sexy": "sexi", "smartphone": "esmárfon",
    "streaming": "estrímin", "spam": "espam", "linux": "línux",
    "asterisk": "ásterisk", "digium": "díyium", "comedian": "comídian", "facebook": "féisbuk",
    "google": "gugol", "youtube": "yutub", "twitter": "tuíter", "whatsapp": "wátsap",
    "iphone": "áifon", "router": "rúter", "jazz": "yas", "rock": "rok",
    "hobby": "jobi", "boom": "bum", "zoom": "zum", "spanglish": "espánglish",
    "whisky": "wiski", "tsunami": "sunami", "yacht": "yat", "cowboy": "cáuboy",
    "game": "gueim", "gay": "guei", "hall": "jol", "stop": "estop", "weekend": "wíkend",
    "foxtrot": "fóxtrot", "watt": "wat", "watts": "wats",
    # English and other names
    "new": "niu", "kevin": "kévin", "peter": "píter", "robert": "róbert",
    "john": "yon", "smith": "esmiz", "green": "grin", "brown": "braun", "miller": "míler",
    "charlie": "charli", "washington": "wáshinton",
    "george": "yorch", "james": "yeims", "michael": "máiquel", "jennifer": "yénifer",
    "mike": "maik", "steve": "estiv", "jack": "yak", "joe": "yo", "paul": "pol", "sarah": "sara",
    "davis": "déivis", "johnson": "yonson", "taylor": "téilor", "houston": "jiúston",
    "shakespeare": "shéikspir", "beethoven": "betoven", "mozart": "mózart",
    "einstein": "áinstein", "newton": "niúton",
    # interjections and the like
    "hm": "jum", "hmm": "jum", "mmm": "eme", "pst": "pist", "psst": "pist", "brr": "bur",
    "bah": "ba", "oh": "ó", "ah": "á", "eh": "é",
}  # fmt: skip
"""Words whose letters say something else, written as Spanish would write them."""
