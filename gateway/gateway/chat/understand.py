"""What a message is about, before anything is looked up."""

from functools import lru_cache
from typing import Final

from gateway.chat.emotion import read_feeling
from gateway.chat.intent import read_intent
from gateway.chat.model import Craft, Intent, Understanding
from gateway.chat.normalise import normalise
from gateway.chat.safety import speaks_of_crisis
from gateway.chat.wish import read_wish

_MAX_REMEMBERED: Final = 512
_MAX_CHARACTERS: Final = 512
_INTENTS: Final = {Craft.ART: Intent.PICTURE, Craft.CYMATIC: Intent.PICTURE, Craft.MUSIC: Intent.MUSIC}


def understand(message: str) -> Understanding:
    """Returns what can be told from the message alone; never raises, for any text.

    What was understood last is remembered: the questions that come most often come often indeed.
    """
    return _remembered(message) if len(message) <= _MAX_CHARACTERS else _understand(message)


@lru_cache(maxsize=_MAX_REMEMBERED)
def _remembered(message: str) -> Understanding:
    return _understand(message)


def _understand(message: str) -> Understanding:
    text = normalise(message)
    wish = read_wish(message)
    return Understanding(
        text=text,
        intent=_INTENTS[wish.craft] if wish else read_intent(message, text),
        feeling=read_feeling(message),
        crisis=speaks_of_crisis(text),
        wish=wish,
    )
