"""Music: what is written sounds, as loud as it should, the same everywhere, and any sequencer can read it."""

import hashlib
import itertools
import json
import subprocess
import sys
import wave
from collections import Counter
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from task_svc.catalogue import emotions
from task_svc.errors import InvalidParameters
from task_svc.exact import FloatArray
from task_svc.generators import make
from task_svc.model import Product, TaskKind
from task_svc.music.compose import compose
from task_svc.music.drums import DRUMS
from task_svc.music.harmony import progression, voicings
from task_svc.music.instruments import INSTRUMENTS, Tone
from task_svc.music.moods import MOODS, PROGRESSIONS, SCALES, mood_of, style_of
from task_svc.music.parameters import KEYS
from task_svc.music.score import Score
from task_svc.music.synthesis import RATE, pitch_hz
from task_svc.parameters import completed

MUSIC = TaskKind.MUSIC
SHORT = 5
# SHA-256 of music.wav and music.mid of five seconds, seed 1: the same on every Python, numpy and processor.
FILES = json.loads((Path(__file__).parent / "music_files.json").read_text())
PORTABLE = "SSE3 SSSE3 SSE41 POPCNT SSE42 AVX F16C FMA3 AVX2 AVX512F AVX512CD AVX512_SKX"
WISHES = {
    **{mood: {"mood": mood} for mood in MOODS},
    **{style: {"mood": "love", "style": style} for style in PROGRESSIONS},
}


def parameters(**wanted: Any) -> dict[str, Any]:
    return dict(completed(MUSIC, json.dumps(wanted)))


def made(directory: Path, **wanted: Any) -> Product:
    return make(MUSIC, parameters(**wanted), directory, lambda *_: None)


def digests(wish: str, directory: Path) -> list[str]:
    product = made(directory, **WISHES[wish], duration_seconds=SHORT, seed=1)
    return [hashlib.sha256(file.path.read_bytes()).hexdigest() for file in product.files]


def samples(path: Path) -> FloatArray:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 44_100)
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return data.reshape(-1, 2).T / 32_768.0


def score(**wanted: Any) -> Score:
    return compose(parameters(**wanted))


@pytest.mark.parametrize("wish", WISHES)
def test_files_are_the_same_everywhere(tmp_path: Path, wish: str) -> None:
    assert digests(wish, tmp_path) == FILES[wish]


def test_files_do_not_depend_on_the_vector_units(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from test_music import digests\n"
        "for wish in ('joy', 'sadness', 'jazz'): print(wish, *digests(wish, Path(sys.argv[1])))"
    )
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-W", "ignore", "-c", script, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent,
        env={"NPY_DISABLE_CPU_FEATURES": PORTABLE},
    )
    for line in ran.stdout.splitlines():
        wish, *found = line.split()
        assert found == FILES[wish]


@pytest.mark.parametrize("wish", WISHES)
def test_pieces_are_as_loud_as_each_other_and_never_clip(tmp_path: Path, wish: str) -> None:
    product = made(tmp_path, **WISHES[wish], duration_seconds=9)
    sound = samples(product.files[0].path)
    assert sound.shape == (2, 9 * RATE)
    assert np.abs(sound).max() <= 0.8914  # -1 dB, and the dither's last bit
    assert product.result["loudness_lufs"] == pytest.approx(-14.0, abs=0.5)
    assert np.abs(sound[:, -5:]).max() < 0.01
    assert np.abs(sound.mean(axis=1)).max() < 0.005
    assert np.abs(sound[0] - sound[1]).max() > 0.01


@pytest.mark.parametrize("wish", ["calm", "sadness", "joy", "jazz", "blues"])
def test_the_notes_of_the_midi_file_are_in_the_sound(tmp_path: Path, wish: str) -> None:
    product = made(tmp_path, **WISHES[wish], duration_seconds=16)
    sound = samples(product.files[0].path).mean(axis=0)
    held = held_notes(product.files[1].path)
    assert len(held) >= 5
    found = [prominence(sound, at, pitch) > 3.0 for at, pitch in held]
    assert sum(found) >= 0.9 * len(found)
    # The same asked of pitches a quarter tone beside: the measure can tell.
    beside = [prominence(sound, at, pitch + 0.5) > 3.0 for at, pitch in held]
    assert sum(beside) <= 0.1 * len(beside)


def held_notes(path: Path) -> list[tuple[float, int]]:
    """The start in seconds and the pitch of notes from middle C up that sound for at least half a second."""
    began: dict[tuple[int, int], float] = {}
    held, now = [], 0.0
    for message in mido.MidiFile(path):
        now += message.time
        if message.type != "note_on" or message.channel == 9:
            continue
        key = (message.channel, message.note)
        if message.velocity:
            began[key] = now
        elif now - began[key] >= 0.5 and message.note >= 60:
            held.append((began[key], message.note))
    return held


def prominence(sound: FloatArray, at: float, pitch: float) -> float:
    """How far a pitch's fundamental rises above what is a quarter tone beside it, in dB."""
    start, count = int((at + 0.08) * RATE), int(0.42 * RATE)
    window = sound[start : start + count] * np.hanning(count)
    power = np.abs(np.fft.rfft(window, 1 << 17)) ** 2
    hz = np.fft.rfftfreq(1 << 17, 1 / RATE)
    away = np.abs(hz / (440.0 * 2 ** ((pitch - 69) / 12)) - 1)
    return float(10 * np.log10(power[away < 0.007].max() / power[(away > 0.025) & (away < 0.034)].max()))


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_instruments_are_in_tune_and_end_in_silence(instrument: str) -> None:
    sound = INSTRUMENTS[instrument](Tone(pitch_hz(69), RATE // 2, 0.8, 0.0, 0))
    power = np.abs(np.fft.rfft(sound.mean(axis=0)[: RATE // 2], 1 << 18))
    strongest = np.argmax(power) * RATE / (1 << 18)
    octaves = np.log2(strongest / 440.0)
    assert abs(octaves - round(octaves)) < 0.006
    assert np.abs(sound[:, -3:]).max() < 0.01
    assert 0.02 < np.abs(sound).max() < 4.0


def test_drums_end_in_silence() -> None:
    for play in DRUMS.values():
        sound = play(0)
        assert sound.shape[0] == 2
        assert np.abs(sound[:, -3:]).max() < 0.01


@pytest.mark.parametrize("wish", WISHES)
def test_a_sequencer_can_read_the_notes(tmp_path: Path, wish: str) -> None:
    product = made(tmp_path, **WISHES[wish], duration_seconds=SHORT, prompt="für 爱 🎵")
    file = mido.MidiFile(product.files[1].path, charset="utf-8")
    assert (file.type, file.tracks[0].name) == (1, "für 爱 🎵")
    assert file.length == pytest.approx(SHORT, abs=0.3)
    tempo = next(each for each in file.tracks[0] if each.type == "set_tempo")
    assert round(mido.tempo2bpm(tempo.tempo)) == product.result["tempo_bpm"]
    sounding: Counter[tuple[int, int]] = Counter()
    for message in file:
        if message.type == "note_on":
            sounding[message.channel, message.note] += 1 if message.velocity else -1
            assert 0 <= sounding[message.channel, message.note] <= 1
    assert not +sounding
    assert len(file.tracks) == 1 + len(product.result["instruments"])


@pytest.mark.parametrize(
    ("mood", "tempo", "scale"),
    [
        ("joy", 140, "major"),
        ("calm", 70, "pentatonic"),
        ("energy", 160, "minor"),
        ("sadness", 60, "minor"),
        ("mystery", 90, "whole_tone"),
        ("passion", 120, "harmonic_minor"),
        ("peace", 50, "major"),
        ("anxiety", 180, "chromatic"),
        ("love", 80, "major"),
    ],
)
def test_moods_have_the_tempo_and_scale_that_users_know(mood: str, tempo: int, scale: str) -> None:
    chosen = parameters(mood=mood)
    assert (chosen["tempo_bpm"], chosen["scale"]) == (tempo, scale)
    tonic = KEYS.index(chosen["key"])
    melody = score(mood=mood, duration_seconds=60).parts[0].notes[:-1]
    outside = [note for note in melody if (note.pitch - tonic) % 12 not in SCALES[scale]]
    # Notes on strong beats belong to the chord, which may lie outside a scale of five or six.
    assert len(outside) <= (0 if len(SCALES[scale]) >= 7 else 0.35 * len(melody))


def test_progressions_stand_on_the_degrees_that_users_know() -> None:
    for style in ("pop", "jazz", "classical", "ambient"):
        roots = [chord.root for chord in progression(style, "major", 0)]
        assert roots == [SCALES["major"][degree] for degree in PROGRESSIONS[style]]
    assert progression("blues", "blues", 0)[4].tones == (5, 9, 0, 3)
    assert progression("pop", "minor", 9)[0].tones == (9, 0, 4)


@pytest.mark.parametrize("style", PROGRESSIONS)
@pytest.mark.parametrize("scale", SCALES)
def test_voices_move_little_from_chord_to_chord(style: str, scale: str) -> None:
    voices = voicings(progression(style, scale, 7))
    for before, after in itertools.pairwise(voices):
        steps = [min(abs(pitch - other) for other in before) for pitch in after]
        assert sum(steps) / len(steps) <= 3.0
        assert 50 <= min(after) <= max(after) <= 76


def test_a_motif_comes_again_and_is_varied() -> None:
    notes = score(mood="love", duration_seconds=90).parts[0].notes
    bars: dict[int, list[float]] = {}
    for note in notes:
        bars.setdefault(int(note.start + 0.05) // 4, []).append(round((note.start % 4) * 4) / 4 % 4)
    rhythms = Counter(tuple(onsets) for onsets in bars.values())
    assert rhythms.most_common(1)[0][1] >= 4
    assert len(rhythms) >= 3


def test_seeds_and_moods_are_other_pieces() -> None:
    pieces = {
        tuple((note.pitch, round(note.start, 2)) for note in score(mood=mood, seed=seed).parts[0].notes)
        for mood in MOODS
        for seed in (1, 2, 3)
    }
    assert len(pieces) == 3 * len(MOODS)


@pytest.mark.parametrize("seconds", [5, 5.5, 17, 61.3])
@pytest.mark.parametrize("tempo", [40, 97, 220])
def test_pieces_are_as_long_as_asked_and_end_on_the_tonic(seconds: float, tempo: int) -> None:
    piece = score(mood="joy", duration_seconds=seconds, tempo_bpm=tempo, key="D")
    assert piece.seconds == seconds
    for part in piece.parts:
        assert all(0 <= note.start * piece.beat_seconds < seconds for note in part.notes)
    melody, bass = piece.parts[0], next(part for part in piece.parts if part.name == "Bass")
    assert melody.notes[-1].pitch % 12 == bass.notes[-1].pitch % 12 == KEYS.index("D")


@pytest.mark.parametrize(
    ("prompt", "mood", "style"),
    [
        ("something sad", "sadness", None),
        ("a happy jazz tune", "joy", "jazz"),
        ("peaceful piano for sleep, peace", "peace", "classical"),
        ("epic battle music", "energy", None),
        ("xyzzy", None, None),
    ],
)
def test_a_prompt_chooses_mood_and_style(prompt: str, mood: str | None, style: str | None) -> None:
    assert (mood_of(prompt), style_of(prompt)) == (mood, style)


@pytest.mark.parametrize("emotion", emotions())
def test_every_emotion_can_be_played(emotion: str) -> None:
    assert parameters(emotion=emotion)["mood"] in MOODS


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"duration_seconds": 4.9}, "from 5 to 600"),
        ({"duration_seconds": 601}, "from 5 to 600"),
        ({"tempo_bpm": 39}, "from 40 to 220"),
        ({"mood": "hungry"}, "joy, calm, energy"),
        ({"style": "polka"}, "pop, jazz, blues"),
        ({"key": "H"}, "C, C#, D"),
        ({"mood": "joy", "emotion": "joy"}, "one of the two"),
        ({"volume": 11}, "not known"),
    ],
)
def test_what_cannot_be_played_is_refused(wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameters, match=message):
        parameters(**wanted)


def test_what_progress_raises_ends_the_work(tmp_path: Path) -> None:
    def told(_percent: float, stage: str) -> None:
        if stage == "playing":
            raise InterruptedError

    with pytest.raises(InterruptedError):
        make(MUSIC, parameters(duration_seconds=SHORT), tmp_path, told)
    assert not (tmp_path / "music.wav").exists()
