"""Plain words of transcripts, and texts for synthetic speech."""

from __future__ import annotations

import itertools
import re

import numpy as np

from edgewright.text.numbers import cardinal, digits, ordinal

OBSCENE = re.compile(
    r"\b(\w*fuck\w*|\w*shit\w*|cunt\w*|nigg\w*|bitch\w*|whore\w*|slut\w*|bastard\w*|penis\w*"
    r"|vagina\w*|rape\w*|rapist\w*|faggot\w*|dick|cock|piss\w*|arse\w*|asshole\w*|porn\w*)\b"
)
"""Words that no lexicon and no language model of ours offers."""


def spell_number(number: int) -> str:
    """Return the English words of a number, 0 or more."""
    return " ".join(cardinal(str(number)))


def spell_ordinal(number: int) -> str:
    """Return the English words of an ordinal, such as 22nd."""
    return " ".join(ordinal(str(number)))


def plain_words(text: str) -> str:
    """Return lower-case words of a-z and ', single spaces between; digits are spelled."""
    text = text.lower().replace("\u2019", "'")
    text = re.sub(r"\b(\d{1,4})(?:st|nd|rd|th)\b", lambda m: spell_ordinal(int(m[1])), text)
    text = re.sub(r"\d{1,4}", lambda m: f" {spell_number(int(m[0]))} ", text)
    words = re.sub(r"[^a-z']+", " ", text).split()
    return " ".join(filter(None, (word.strip("'") for word in words)))


_THINGS = [
    "your account",
    "the conference",
    "your mailbox",
    "this extension",
    "the operator",
    "your message",
    "the queue",
    "your call",
    "the recording",
    "this number",
    "your password",
    "the speaker",
    "the directory",
    "your request",
    "the line",
    "voice mail",
    "the main menu",
    "call forwarding",
    "your greeting",
    "the next caller",
    "the server",
    "call waiting",
    "do not disturb",
    "the agent",
    "your balance",
    "the microphone",
    "the volume",
    "the department",
]
_STATES = [
    "is now active",
    "is not available",
    "has been deleted",
    "has been saved",
    "is busy",
    "is temporarily closed",
    "has been changed",
    "is being transferred",
    "could not be found",
    "is no longer in service",
    "is locked",
    "has been disabled",
    "has been enabled",
    "is full",
    "will be recorded",
    "is on hold",
    "was not recognized",
    "is unavailable at this time",
    "has been cancelled",
    "is not valid",
    "has been turned off",
]
_ACTIONS = [
    "hear the options again",
    "leave a message",
    "speak to an agent",
    "return to the previous menu",
    "record your name",
    "change your password",
    "listen to your messages",
    "cancel this call",
    "increase the volume",
    "decrease the listening volume",
    "hang up",
    "save this message",
    "erase and record again",
    "reach the sales department",
    "forward this message to another user",
    "skip to the next message",
    "repeat the recording",
    "reach the front desk",
    "make a donation",
    "enter a different number",
    "join the conference",
    "mute all participants",
    "toggle the speaker",
]
_KEYS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "star",
    "pound",
    "the pound key",
]
_OPENINGS = [
    "please",
    "sorry",
    "thank you",
    "goodbye",
    "welcome",
    "i'm sorry but",
    "we regret that",
    "please note that",
    "at this time",
    "one moment please",
]


def prompt_texts() -> list[str]:
    """Return every sentence of the telephone templates, written for this script."""
    pairs = itertools.product(_THINGS, _STATES)
    texts = [f"{thing} {state}" for thing, state in pairs]
    texts += [f"{opening} {text}" for opening, text in itertools.product(_OPENINGS, texts[::5])]
    keys = list(itertools.product(_ACTIONS, _KEYS))
    texts += [f"press {key} to {action}" for action, key in keys]
    texts += [f"to {action} press {key}" for action, key in keys]
    texts += [f"if you would like to {action} please press {key} now" for action, key in keys[::2]]
    texts += [f"please enter the number followed by {key}" for key in _KEYS[-3:]]
    texts += [
        f"there are {spell_number(number)} {things}"
        for number in range(2, 100)
        for things in ("callers ahead of you", "new messages", "minutes remaining")
    ]
    texts += [f"extension {' '.join(digits(str(n)))}" for n in range(1000, 9999, 37)]
    return texts


def shuffled(texts: list[str], count: int, seed: int) -> list[str]:
    """Return `count` of the texts (all when fewer) in an order decided by the seed."""
    order = np.random.default_rng(seed).permutation(len(texts))[:count]
    return [texts[index] for index in order]
