"""The words that show a feeling, by the catalogue's name for it. Data only.

Whole words; a word stands under one feeling. Words with a common harmless sense ("like", "mean", "well",
"kind") are left out, since a missed feeling does less harm than an invented one.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

NEUTRAL: Final = "neutral"


class Character(NamedTuple):
    """Valence (-1 to 1), arousal (0 to 10) and dominance (0 to 10) of a feeling at full strength."""

    valence: float
    arousal: float
    dominance: float


CHARACTERS: Final[Mapping[str, Character]] = {
    NEUTRAL: Character(0.0, 4.0, 5.0),
    "anxiety": Character(-0.6, 8.0, 2.5),
    "calm": Character(0.6, 1.5, 6.5),
    "focus": Character(0.3, 5.5, 7.0),
    "stress": Character(-0.6, 8.0, 3.0),
    "meditation": Character(0.5, 1.0, 6.5),
    "curiosity": Character(0.4, 6.0, 5.5),
    "pain": Character(-0.8, 6.5, 2.0),
    "loneliness": Character(-0.7, 3.0, 2.0),
    "sadness": Character(-0.8, 3.0, 2.5),
    "anger": Character(-0.8, 8.5, 6.5),
    "fear": Character(-0.8, 8.5, 1.5),
    "joy": Character(0.9, 7.0, 7.0),
    "amusement": Character(0.8, 6.5, 6.5),
    "excitement": Character(0.8, 9.0, 6.5),
    "happiness": Character(0.9, 6.0, 7.0),
    "grief": Character(-0.9, 4.0, 1.5),
    "frustration": Character(-0.6, 7.0, 4.0),
    "confusion": Character(-0.2, 5.5, 3.0),
    "boredom": Character(-0.4, 1.5, 4.0),
    "exhaustion": Character(-0.5, 1.0, 2.5),
    "surprise": Character(0.1, 8.0, 4.5),
    "pride": Character(0.7, 6.5, 8.0),
    "gratitude": Character(0.8, 5.0, 6.0),
    "relief": Character(0.7, 3.0, 6.0),
    "disappointment": Character(-0.6, 3.5, 3.0),
    "overwhelm": Character(-0.6, 7.5, 1.5),
    "hope": Character(0.6, 5.5, 5.5),
    "determination": Character(0.5, 7.0, 8.0),
    "confidence": Character(0.7, 5.5, 8.5),
    "love": Character(0.9, 6.0, 6.0),
}

_WORDS: Final[Mapping[str, str]] = {
    "anxiety": "anxious anxiety nervous worried worry worries worrying uneasy restless jittery",
    "calm": "calm relaxed relaxing peaceful serene tranquil chill",
    "focus": "focused concentrated concentrating",
    "stress": "stress stressed stressful stressing tense pressured",
    "meditation": "meditate meditating meditation mindful mindfulness",
    "curiosity": "curious curiosity wonder wondering wondered intrigued intriguing interested",
    "pain": "pain painful hurt hurts hurting ache aching suffering agony ouch",
    "loneliness": "lonely loneliness isolated abandoned friendless",
    "sadness": "sad sadness sadly unhappy depressed depressing depression miserable cry crying cried tears"
    " heartbroken heartbreaking upset gloomy sorrow sorry regret regrets tragic tragedy hopeless poor"
    " embarrassed embarrassing ashamed guilty \U0001f622 \U0001f62d \U0001f614 \U0001f61e \U0001f494",
    "anger": "angry anger furious rage mad hate hates hated hating pissed outraged outrageous livid fuck"
    " fucking bullshit idiot idiots stupid dumb moron morons asshole disgusting disgust disgusted gross"
    " pathetic shit terrible horrible awful worst sick nasty \U0001f620 \U0001f621 \U0001f92c",
    "fear": "afraid fear fears fearful scared scary scares terrified terrifying terror frightened"
    " frightening horrified horrifying panic panicking dread creepy nightmare \U0001f628 \U0001f631",
    "joy": "joy joyful delighted delightful wonderful amazing awesome fantastic great excellent brilliant"
    " perfect beautiful lovely nice good cool best sweet enjoy enjoyed enjoying enjoyable fun glad"
    " congrats congratulations yay impressive incredible well-done \U0001f600 \U0001f60a \U0001f603",
    "amusement": "lol lmao haha hahaha hahahaha rofl funny hilarious amused amusing laugh laughed laughing"
    " joke jokes \U0001f602 \U0001f923",
    "excitement": "excited exciting thrilled thrilling eager stoked hyped pumped ecstatic woohoo",
    "happiness": "happy happiness happier happily cheerful pleased satisfied content smile smiling",
    "grief": "grief grieving mourn mourning bereaved condolences rip died",
    "frustration": "frustrated frustrating frustration annoyed annoying annoys irritated irritating"
    " ridiculous stuck ugh damn unfair",
    "confusion": "confused confusing confusion puzzled baffled perplexed unsure huh",
    "boredom": "bored boring boredom dull tedious",
    "exhaustion": "exhausted exhausting exhaustion tired tiring weary drained sleepy burnout",
    "surprise": "surprised surprise surprising surprisingly shocked shocking wow whoa omg unexpected"
    " unbelievable astonished astonishing stunned realize realized realised wtf \U0001f62e \U0001f632",
    "pride": "proud pride accomplished",
    "gratitude": "thanks thank grateful gratitude thankful appreciate appreciated appreciates thx",
    "relief": "relief relieved phew",
    "disappointment": "disappointed disappointing disappointment letdown unfortunately unfortunate bummer"
    " shame sucks failed",
    "overwhelm": "overwhelmed overwhelming overwhelm swamped",
    "hope": "hope hopeful hopefully hoping optimistic wish",
    "determination": "determined determination motivated committed persevere",
    "confidence": "confident confidence certain",
    "love": "love loved loves loving adore adorable cute caring cherish \u2764 \U0001f60d \U0001f970",
}

FEELING_OF: Final[Mapping[str, str]] = {
    word: emotion for emotion, words in _WORDS.items() for word in words.split()
}

_NEGATIONS: Final = (
    "not no never neither nor without hardly barely cannot cant don't dont doesn't doesnt didn't didnt isn't"
    " isnt aren't arent wasn't wasnt weren't ain't won't wont wouldn't can't couldn't shouldn't haven't"
    " hasn't hadn't"
)
NEGATIONS: Final = frozenset(_NEGATIONS.split())
"""Words that take back the feeling of a word soon after them."""

STOPS: Final = frozenset(("but", "although", "though", "however", "yet", "because", "stop", "help", "wait"))
"""Words at which a negation ends, as it does at a punctuation mark; also those of "can't stop crying"."""

_STRONG: Final = "very so really extremely incredibly absolutely totally super too deeply"
_WEAK: Final = "slightly somewhat kinda bit little fairly mildly"
STRENGTHS: Final[Mapping[str, float]] = {
    **dict.fromkeys(_STRONG.split(), 1.4),
    **dict.fromkeys(_WEAK.split(), 0.6),
}
"""Words that strengthen or weaken the feeling of a word after them, as a factor."""
