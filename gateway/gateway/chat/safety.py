"""Messages that speak of suicide or self-harm, and the words that answer them.

The words are fixed and never cached, and nothing is looked up: they do not depend on the bank, on a
store or on a model. When in doubt a message counts as one, save for the harmless turns of phrase that
the tests list; general questions on the subject ("what is the suicide rate?") go to the bank.
"""

import re
from typing import Final

CARING_WORDS: Final = (
    "I am really glad that you said this, and I am sorry that it hurts so much. I am a program and cannot "
    "keep you safe, but people can, and they want to.\n\n"
    "If you or somebody else may be in danger now, please call your local emergency number (112 in Europe "
    "and many other places, 911 in North America, 999 in the United Kingdom), or go to the nearest "
    "emergency department.\n\n"
    "You can also call a crisis line where you live; https://findahelpline.com lists free and confidential "
    "ones by country. If you can, tell somebody you trust how you feel, and let them stay with you. "
    "You do not have to get through this alone."
)

_SELF: Final = r"(?:myself|my\sself)"
_SOMEBODY: Final = r"(?:himself|herself|themselves|themself|yourself|oneself)"
_METHOD: Final = r"(?:cut|shoot|drown|burn|poison|hang|starve)(?:t?ing)?"
_WANT: Final = (
    r"(?:wants?|wanting|wanna|wish(?:es)?|plan(?:s|ning)?|going|gonna|tr(?:y|ies|ied|ying)|threaten\w*"
    r"|thinking\s(?:of|about)|thoughts?\s(?:of|about)|ways?|how)"
)
_CRISIS: Final = re.compile(
    rf"""\b(?:
        (?:kill|hurt|harm|hang)(?:ing)?\s{_SELF}\b (?!\s(?:with\s)?laugh)
      | {_WANT}\s(?:to\s)?{_METHOD}\s{_SELF}\b
      | (?:i'?m|i\sam|keep|been|started|stop)\s(?:cutting|burning|starving)\s{_SELF}\b
      | {_WANT}\s(?:to\s)?(?:kill|hang|harm)(?:ing)?\s{_SOMEBODY}\b
      | (?:end|ending|take|taking)\s(?:my|his|her|their|your)\s(?:own\s)?life\b
      | {_WANT}\s(?:to\s)?(?:commit(?:ting)?\s)?suicide\b
      | (?:i|i'?m|i'?ve|i'?d|me|my)\b .{{0,40}} \b(?:suicidal
          | (?:attempt\w*|consider\w*|contemplat\w*|commit\w*)\ssuicide | self[-\s]?harm(?:ed|ing)?)\b
      | (?<!don't\s)(?<!dont\s)(?<!not\s)(?:want|wanna|wish)\s(?:to\s)?(?:die|be\sdead)\b
        (?!\s(?:of|from|in|out)\b)
      | wish\s(?:that\s)?i\s(?:was|were|had)\s(?:dead|never\s(?:been\s)?born)\b
      | (?:don'?t|do\snot|no\slonger)\s(?:want\sto|wanna)\s
        (?:live|exist|be\salive|wake\sup)(?:\s(?:any\s?more|any\slonger|ever|like\sthis|tomorrow))*$
      | (?:end\sit\sall|better\soff\s(?:dead|without\sme)|no\s(?:reason|point)\s(?:to|in)\sliv(?:e|ing))\b
    )""",
    re.VERBOSE,
)


def speaks_of_crisis(text: str) -> bool:
    """Says whether a message in its normal form speaks of suicide or self-harm."""
    return _CRISIS.search(text) is not None
