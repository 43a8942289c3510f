"""What a picture may be asked for."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

from task_svc import fields
from task_svc.art.themes import palette_of, palette_of_emotion, style_of
from task_svc.catalogue import emotions
from task_svc.model import Parameters

STYLES: Final = (
    "abstract",
    "geometric",
    "organic",
    "fractal",
    "waves",
    "particles",
    "gradient",
    "mandala",
    "galaxy",
    "landscape",
)
ALIASES: Final[Mapping[str, str]] = {
    "surreal": "fractal",
    "digital": "geometric",
    "watercolor": "organic",
    "cyberpunk": "galaxy",
    "anime": "particles",
    "oil_painting": "waves",
    "realistic": "landscape",
}
ART_PALETTE_NAMES: Final = (
    "ocean",
    "forest",
    "sunset",
    "ember",
    "night",
    "meadow",
    "blossom",
    "desert",
    "glacier",
    "storm",
    "aurora",
    "gold",
    "candy",
    "earth",
    "ink",
)
_PALETTES_OF_STYLES: Final[Mapping[str, str]] = {
    "abstract": "sunset",
    "geometric": "meadow",
    "organic": "forest",
    "fractal": "ember",
    "waves": "ocean",
    "particles": "aurora",
    "gradient": "candy",
    "mandala": "gold",
    "galaxy": "night",
    "landscape": "glacier",
}
_KNOWN: Final = ("prompt", "style", "palette", "emotion", "size_pixels", "seed")


def art(given: Mapping[str, Any]) -> Parameters:
    """Returns the complete parameters; raises InvalidParameters, which lists the styles for an unknown one.

    What is not given follows from the prompt: the style and the palette from its words, the seed from its
    letters.
    """
    fields.only(given, _KNOWN)
    prompt = fields.prompt(given)
    asked = fields.choice(given, "style", (*STYLES, *ALIASES), style_of(prompt) or STYLES[0])
    style = ALIASES.get(asked, asked)
    emotion = fields.choice(given, "emotion", emotions(), "neutral") if "emotion" in given else None
    palette = palette_of_emotion(emotion) if emotion else palette_of(prompt)
    complete: dict[str, Any] = {
        "prompt": prompt,
        "style": style,
        "palette": fields.choice(given, "palette", ART_PALETTE_NAMES, palette or _PALETTES_OF_STYLES[style]),
        "size_pixels": fields.size_pixels(given),
        "seed": fields.integer(given, "seed", 0, fields.MAX_SEED, seed_of(prompt)),
    }
    if asked != style:
        complete["style_asked"] = asked
    if emotion:
        complete["emotion"] = emotion
    return complete


def seed_of(prompt: str) -> int:
    """Returns the seed of a prompt, so that other words are another picture; 1 without any words."""
    if not prompt:
        return 1
    return int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big")
