"""What a message asks to be made: a picture, a piece of music, the figure of a frequency.

The rules are strict, since a message that is no wish is a question to the bank: "draw a conclusion" and
"create a docker image" are none.
"""

import re
import unicodedata
from typing import Final

from gateway.chat.emotion import read_feeling
from gateway.chat.lexicon import NEUTRAL
from gateway.chat.model import Craft, Wish

_MAX_CHARACTERS: Final = 300
"""Longest message that is read as a wish; it also bounds what the patterns may cost."""

_START: Final = (
    r"(?:(?:please|pls|kindly|hi|hello|hey)[,!.]* )*(?:(?:can|could|would|will) you (?:please |kindly )?)?"
)
_FOR_ME: Final = r"(?:(?:me|us) )?"
_END: Final = re.compile(
    r"(?:[\s?!.,]|(?<=[\s,])(?:please|pls|thanks|thank you)(?=[\s?!.,]*$))+$", re.IGNORECASE
)

_SHOW: Final = r"(?:show|draw|paint|sketch|make|create|generate|render|visuali[sz]e|give|let (?:me|us) see)"
_HERTZ: Final = r"(?P<number>\d{1,3}(?:,\d{3})+|\d{1,6}(?:\.\d{1,3})?) ?(?P<unit>k?hz|hertz|kilohertz)"
_FIGURE: Final = r"(?:pattern|figure|picture|image|plate|shape|sound|tone|frequency|vibration)s?"
_CYMATIC: Final = r"(?:cymatics?|chladni)"
_OF: Final = r"(?:of|for|at|from|to|with)"
_FREQUENCY: Final = re.compile(
    rf"{_START}(?:{_SHOW} {_FOR_ME}(?:(?:what|how|an?|the|some|{_CYMATIC}|{_FIGURE}|{_OF}) )*{_HERTZ}"
    rf"(?: (?:looks?|would look)(?: like)?)?"
    rf"|(?:what|how) (?:does|would|do) {_HERTZ.replace('?P<', '?P<asked_')} look(?: like)?)",
    re.IGNORECASE,
)
_PATTERN: Final = re.compile(
    rf"{_START}{_SHOW} {_FOR_ME}(?:(?:an?|the|some) )?{_CYMATIC}(?: {_FIGURE})?"
    rf"(?: {_OF} (?:(?:a|the|feeling|emotion|of) )*(?P<feeling>\w+))?",
    re.IGNORECASE,
)
_TONES: Final = frozenset({"transcendence", "grounding", "harmony", "awakening"})
"""Names of the catalogue that no word shows as a feeling."""

_TUNE: Final = r"(?:music|song|melody|tune|track|lullaby|soundtrack)"
_MUSIC: Final = re.compile(
    rf"{_START}(?:(?:play|compose|create|make|generate|write|give) {_FOR_ME}"
    rf"(?P<tune>(?:[\w'-]+ ){{0,5}}?{_TUNE}"
    r"(?:(?:,| (?:about|for|with|in|to|that|from|lasting|like|of)) .+)?)"
    r"|play (?:(?:me|us) )?(?P<play>(?:something|some (?:jazz|blues|pop|classical|ambient))(?: .+)?))",
    re.IGNORECASE,
)
_LASTING: Final = re.compile(
    r"(?:^| )(?:,? ?(?:for|of|lasting|about|that lasts|that is) )*"
    r"(?P<count>\d{1,5}(?:\.\d+)?|an?|one|two|three|five|ten|half a)[ -]"
    r"?(?P<unit>seconds?|secs?|minutes?|mins?|hours?)(?: long)?(?: of(?= ))?(?= |$)",
    re.IGNORECASE,
)
_COUNTS: Final = {
    "a": 1.0,
    "an": 1.0,
    "one": 1.0,
    "two": 2.0,
    "three": 3.0,
    "five": 5.0,
    "ten": 10.0,
    "half a": 0.5,
}
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}

_PICTURE: Final = r"(?:picture|image|drawing|painting|artwork|illustration|wallpaper)"
_NOT_DRAWN: Final = (
    r"(?!(?:an? |the |some |any |your )?(?:\w+ )?(?:conclusions?|lines?|parallels?|distinctions?|comparisons?"
    r"|attention|inferences?|lessons?|blank|curtains?|lots|straws|up|from|upon|on|back|near|out"
    r"|diagrams?|charts?|graphs?|tables?|flowcharts?|schematics?|circuits?)\b)"
)
_NO_PICTURE: Final = r"(?!(?:\w+ )*?(?:docker|container|disk|iso|system|base|vm|boot|mirror) image)"
_DRAWN: Final = re.compile(
    rf"{_START}(?:(?:draw|paint|sketch|illustrate) {_FOR_ME}{_NOT_DRAWN}(?P<subject>.*[^\W\d_].*)"
    rf"|(?:create|make|generate|render|design|show|give) {_FOR_ME}{_NO_PICTURE}"
    rf"(?P<picture>(?:[\w'-]+ ){{0,4}}?{_PICTURE}(?: (?:of|for|about|showing|with|in|inspired by) .+)?))",
    re.IGNORECASE,
)
_ARTICLE: Final = re.compile(
    rf"(?:(?:an?|the|some) )?(?:{_PICTURE} (?:of|for|about|showing) )?", re.IGNORECASE
)


def read_wish(message: str) -> Wish | None:
    """Returns what is asked to be made; None for every other message."""
    if len(message) > _MAX_CHARACTERS:
        return None
    text = _END.sub("", " ".join(unicodedata.normalize("NFKC", message).split()))
    return _cymatic(text) or _music(text) or _art(text)


def _cymatic(text: str) -> Wish | None:
    if found := _FREQUENCY.fullmatch(text):
        number = found["number"] or found["asked_number"]
        unit = found["unit"] or found["asked_unit"]
        hertz = float(number.replace(",", "")) * (1_000 if unit.casefold().startswith("k") else 1)
        return Wish(Craft.CYMATIC, {"frequency_hz": hertz})
    if found := _PATTERN.fullmatch(text):
        word = found["feeling"]
        return Wish(Craft.CYMATIC, {"emotion": _emotion(word)} if word and _emotion(word) else {})
    return None


def _emotion(word: str) -> str | None:
    name = word.casefold()
    if name in _TONES:
        return name
    emotion = read_feeling(name).emotion
    return None if emotion == NEUTRAL else emotion


def _music(text: str) -> Wish | None:
    lasting = _LASTING.search(text)
    without = " ".join((text[: lasting.start()] + " " + text[lasting.end() :]).split()) if lasting else text
    found = _MUSIC.fullmatch(without)
    if found is None:
        return None
    parameters: dict[str, object] = {"prompt": _ARTICLE.sub("", found["tune"] or found["play"], count=1)}
    if lasting:
        count, unit = lasting["count"].casefold(), lasting["unit"].casefold()
        parameters["duration_seconds"] = (_COUNTS.get(count) or float(count)) * _UNITS[unit[0]]
    return Wish(Craft.MUSIC, parameters)


def _art(text: str) -> Wish | None:
    found = _DRAWN.fullmatch(text)
    if found is None:
        return None
    return Wish(Craft.ART, {"prompt": _ARTICLE.sub("", found["subject"] or found["picture"], count=1)})
