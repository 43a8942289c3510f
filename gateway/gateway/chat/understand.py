"""What a message is about, before anything is looked up."""

from gateway.chat.emotion import read_feeling
from gateway.chat.intent import read_intent
from gateway.chat.model import Understanding
from gateway.chat.normalise import normalise
from gateway.chat.safety import speaks_of_crisis


def understand(message: str) -> Understanding:
    """Returns what can be told from the message alone; never raises, for any text."""
    text = normalise(message)
    return Understanding(
        text=text,
        intent=read_intent(message, text),
        feeling=read_feeling(message),
        crisis=speaks_of_crisis(text),
    )
