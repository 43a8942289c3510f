"""What a piece of music may be asked for."""

from collections.abc import Mapping
from typing import Any, Final

from task_svc import fields
from task_svc.art.parameters import seed_of
from task_svc.catalogue import emotions
from task_svc.model import Parameters
from task_svc.music.moods import DEFAULT_MOOD, MOODS, PROGRESSIONS, SCALES, mood_of, mood_of_emotion, style_of

KEYS: Final = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
DURATION_SECONDS: Final = (5.0, 600.0)
DEFAULT_DURATION_SECONDS: Final = 60.0
TEMPO_BPM: Final = (40, 220)

_KNOWN: Final = (
    "prompt",
    "mood",
    "emotion",
    "style",
    "scale",
    "key",
    "tempo_bpm",
    "duration_seconds",
    "seed",
)


def music(given: Mapping[str, Any]) -> Parameters:
    """Returns the complete parameters; raises InvalidParameters.

    What is not given follows from the prompt: mood and style from its words, seed and key from its letters;
    and tempo, scale and style from the mood.
    """
    fields.only(given, _KNOWN)
    prompt = fields.prompt(given)
    emotion = fields.choice(given, "emotion", emotions(), "neutral") if "emotion" in given else None
    if emotion and "mood" in given:
        raise fields.wrong("emotion", "stands beside mood", "give one of the two")
    meant = mood_of_emotion(emotion) if emotion else mood_of(prompt) or DEFAULT_MOOD
    mood = fields.choice(given, "mood", MOODS, meant)
    sound = MOODS[mood]
    seed = fields.integer(given, "seed", 0, fields.MAX_SEED, seed_of(prompt))
    complete: dict[str, Any] = {
        "prompt": prompt,
        "mood": mood,
        "style": fields.choice(given, "style", PROGRESSIONS, style_of(prompt) or sound.style),
        "scale": fields.choice(given, "scale", SCALES, sound.scale),
        "key": fields.choice(given, "key", KEYS, _key_of(seed, mood)),
        "tempo_bpm": fields.integer(given, "tempo_bpm", *TEMPO_BPM, sound.tempo_bpm),
        "duration_seconds": fields.number(
            given, "duration_seconds", *DURATION_SECONDS, DEFAULT_DURATION_SECONDS
        ),
        "seed": seed,
    }
    return complete | ({"emotion": emotion} if emotion else {})


def _key_of(seed: int, mood: str) -> str:
    """Returns the key of a seed: another one for each mood, by fifths."""
    return KEYS[(seed + 7 * sorted(MOODS).index(mood)) % len(KEYS)]
