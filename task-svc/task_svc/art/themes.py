"""What words of a prompt say about a picture: its style and its colours."""

import re
from collections.abc import Mapping
from typing import Final

_STYLE_WORDS: Final[Mapping[str, str]] = {
    "waves": "ocean sea seas wave waves beach surf water tide tides shore storm harbor harbour coast",
    "galaxy": "galaxy galaxies space star stars cosmos cosmic universe nebula planet planets milky astronaut",
    "landscape": "mountain mountains landscape hill hills valley lake lakes canyon sunrise sunset horizon "
    "countryside scenery alps view forest woods dawn dusk",
    "organic": "flower flowers plant plants leaf leaves tree trees garden botanical nature vine vines "
    "blossom blossoms bloom rose roses meadow jungle grass spring",
    "mandala": "mandala mandalas ornament kaleidoscope rosette symmetry symmetrical",
    "fractal": "fractal fractals julia mandelbrot infinity infinite recursion recursive",
    "geometric": "geometric geometry shapes shape triangle triangles circle circles square squares bauhaus "
    "mosaic tiles city buildings pattern",
    "particles": "particle particles flow wind dust hair smoke swarm current currents energy motion",
    "gradient": "gradient gradients wallpaper background silk soft blur smooth aurora",
    "abstract": "abstract paint marble emotion feeling dream dreams chaos",
}
_PALETTE_WORDS: Final[Mapping[str, str]] = {
    "ocean": "ocean sea seas water beach blue wave waves lake river rain underwater",
    "forest": "forest tree trees jungle woods green leaf leaves nature moss",
    "sunset": "sunset dusk evening sunrise dawn twilight tropical orange",
    "ember": "fire flame flames ember embers lava volcano red burning hot dragon",
    "night": "night midnight moon purple violet dark galaxy space cosmos cosmic mystic magic",
    "meadow": "meadow spring grass garden field fields morning summer",
    "blossom": "blossom blossoms cherry rose roses pink valentine flower flowers petal petals",
    "desert": "desert sand dune dunes canyon sahara savanna",
    "glacier": "glacier ice snow winter frost arctic polar cold white",
    "storm": "storm storms thunder grey gray fog foggy cloud clouds cloudy",
    "aurora": "aurora borealis neon cyberpunk electric northern",
    "gold": "gold golden autumn honey amber harvest luxury sun sunny yellow",
    "candy": "candy rainbow party colorful colourful playful pop unicorn carnival",
    "earth": "earth soil wood coffee brown rustic cave stone vintage",
    "ink": "ink monochrome minimal minimalist black zen sketch charcoal",
}
_FEELINGS: Final[Mapping[str, str]] = {
    "ocean": "calm relief serene peaceful peace tranquil relaxing neutral",
    "forest": "grounding gratitude hope hopeful grateful healing",
    "sunset": "love romantic passion passionate loving warm nostalgia nostalgic",
    "ember": "anger angry determination rage fierce power powerful overwhelm",
    "night": "mystery mysterious loneliness lonely transcendence meditation curiosity curious",
    "meadow": "joy joyful happiness happy cheerful amusement",
    "blossom": "tender tenderness kindness gentle sweet",
    "desert": "exhaustion exhausted tired boredom bored confidence confident",
    "glacier": "sadness sad focus calmness lonesome clarity disappointment disappointed",
    "storm": "grief fear afraid anxiety anxious stress stressed frustration pain melancholy gloomy",
    "aurora": "awakening surprise surprised wonder awe dreamy confusion confused",
    "gold": "pride proud harmony triumph glory",
    "candy": "excitement excited fun funny silly energetic",
}
_WORD: Final = re.compile(r"[a-z]+")


def _by_word(table: Mapping[str, str]) -> dict[str, str]:
    return {word: name for name, words in table.items() for word in words.split()}


def _first(table: Mapping[str, str], prompt: str) -> str | None:
    """Returns what the words of a prompt are found under most often, the earliest of equals."""
    known = _by_word(table)
    votes: dict[str, int] = {}
    for word in _WORD.findall(prompt.casefold()):
        name = known.get(word)
        if name is not None:
            votes[name] = votes.get(name, 0) + 1
    return max(votes, key=lambda name: votes[name]) if votes else None


def style_of(prompt: str) -> str | None:
    """Returns the style that a prompt's subject asks for, if any."""
    return _first(_STYLE_WORDS, prompt)


def palette_of(prompt: str) -> str | None:
    """Returns the palette that a prompt's subject or, if that has none, its feeling asks for."""
    return _first(_PALETTE_WORDS, prompt) or _first(_FEELINGS, prompt)


def palette_of_emotion(emotion: str) -> str | None:
    """Returns the palette of an emotion of the catalogue."""
    return _by_word(_FEELINGS).get(emotion)
