"""What a message wants that asks for nothing to be made: small, and decided by rules that can be read."""

import re
from typing import Final

from gateway.chat.model import Intent

_GREETING: Final = re.compile(
    r"(?:hi|hello|hey|hiya|howdy|yo|greetings|good (?:morning|afternoon|evening|day))"
    r"(?: (?:there|all|everyone|everybody|again|friend|mc ai))?"
)
_THANKS: Final = re.compile(
    r"(?:ok |okay |great |cool |perfect )?"
    r"(?:thanks|thank you|thx|ty|cheers|much appreciated|many thanks)"
    r"(?: (?:a lot|so much|very much|again|for (?:the|your) help|for that|mc ai))*"
)
_GOODBYE: Final = re.compile(
    r"(?:ok |okay )?(?:bye|bye bye|goodbye|good night|farewell|cya|see (?:you|ya)|take care)"
    r"(?: (?:for now|later|soon|tomorrow|then|again|mc ai))*"
)
_QUESTION: Final = re.compile(
    r"(?:and |but |so )?(?:what|who|whom|whose|where|when|why|how|which|whats|hows|is|are|am|was|were|do"
    r"|does|did|can|could|should|would|will|may|might|has|have|had|isn't|aren't|doesn't|don't (?:you|they|we)"
    r"|what's|who's|where's|how's)\b"
)
_QUESTION_MARKS: Final = ("?", "\uff1f", "\u061f")  # also the full-width and the Arabic one
_COMMAND: Final = re.compile(
    r"(?:tell|explain|describe|define|list|show|give|write|summari[sz]e|compare|find|search|help|name"
    r"|translate|calculate|convert|create|make|generate|suggest|recommend|teach|let's|remind|stop|start"
    r"|open|play|compose|draw|paint)\b"
)


def read_intent(message: str, text: str) -> Intent:
    """Returns what the message, of which `text` is the normal form, wants."""
    for pattern, intent in (
        (_GREETING, Intent.GREETING),
        (_THANKS, Intent.THANKS),
        (_GOODBYE, Intent.GOODBYE),
    ):
        if pattern.fullmatch(text):
            return intent
    if message.rstrip().endswith(_QUESTION_MARKS) or _QUESTION.match(text):
        return Intent.QUESTION
    return Intent.COMMAND if _COMMAND.match(text) else Intent.STATEMENT
