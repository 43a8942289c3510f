"""Loudness as the recommendation has it, a limiter that lets no peak through, and filters that go on."""

import wave
from pathlib import Path

import numpy as np
import pytest

from task_svc.exact import FloatArray
from task_svc.music.filters import Biquad
from task_svc.music.loudness import LoudnessMeter, lufs
from task_svc.music.mastering import RawMix
from task_svc.music.mixer import BLOCK
from task_svc.music.synthesis import RATE


def sine(hz: float, seconds: float, level: float = 1.0) -> FloatArray:
    return level * np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE)


def measured(sound: FloatArray) -> float:
    meter = LoudnessMeter()
    for start in range(0, sound.shape[1], 10_007):
        meter.hear(sound[:, start : start + 10_007])
    return lufs(meter.energy())


def test_a_sine_of_997_hz_in_one_channel_is_3_lu_below_full_scale() -> None:
    # ITU-R BS.1770-5, annex 1: 0 dB FS at 997 Hz in one front channel reads -3.01 LKFS.
    tone = sine(997.0, 3.0)
    assert measured(np.stack((tone, np.zeros_like(tone)))) == pytest.approx(-3.01, abs=0.02)
    assert measured(np.stack((tone, tone)) * 0.1) == pytest.approx(-20.0, abs=0.02)


def test_the_weighting_is_that_of_the_recommendation() -> None:
    # Its two filters at 48 kHz, tables 1 and 2, have these gains against 997 Hz.
    def against(hz: float) -> float:
        tone = sine(hz, 3.0, 0.1)
        return measured(np.stack((tone, tone))) + 20.0

    assert against(8000.0) == pytest.approx(3.35, abs=0.05)
    assert against(25.0) == pytest.approx(-11.08, abs=0.1)


def test_silence_does_not_count_and_is_no_loudness_itself() -> None:
    tone = sine(997.0, 3.0, 0.1)
    both = np.stack((tone, tone))
    assert measured(np.concatenate((both, np.zeros((2, 9 * RATE))), axis=1)) == pytest.approx(-20.0, abs=0.6)
    assert measured(np.zeros((2, RATE))) == -np.inf


def test_a_filter_in_pieces_is_the_filter_of_the_whole() -> None:
    b, a = (0.2, 0.3, 0.1), (-1.2, 0.5)
    sound = np.random.default_rng(1).normal(size=1000)
    expected = np.zeros(1002)
    padded = np.concatenate((np.zeros(2), sound))
    for n in range(2, 1002):
        expected[n] = b[0] * padded[n] + b[1] * padded[n - 1] + b[2] * padded[n - 2]
        expected[n] -= a[0] * expected[n - 1] + a[1] * expected[n - 2]
    whole, pieces = Biquad(b, a), Biquad(b, a)
    cut = np.split(sound, [1, 3, 131, 400, 401, 777])
    assert np.allclose(whole.process(sound), expected[2:], atol=1e-12)
    assert np.allclose(np.concatenate([pieces.process(part) for part in cut]), expected[2:], atol=1e-12)


def test_no_peak_passes_the_limiter(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).normal(size=(2, 3 * BLOCK + 1001)) * 0.05
    noise[:, ::30_011] = 40.0
    noise[0, BLOCK - 1 : BLOCK + 1] = (-50.0, 50.0)
    mix = RawMix(tmp_path / "mix.raw")
    mix.write(noise[:, start : start + BLOCK] for start in range(0, noise.shape[1], BLOCK))
    levels = mix.master(tmp_path / "out.wav", lambda _: None)
    with wave.open(str(tmp_path / "out.wav")) as file:
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.int32)
    assert len(sound) == noise.size
    assert np.abs(sound).max() <= 0.8913 * 32_767 + 2
    assert levels.peak_dbfs <= -1.0
    assert not (tmp_path / "mix.raw").exists()


def test_a_silent_mix_stays_silent(tmp_path: Path) -> None:
    mix = RawMix(tmp_path / "mix.raw")
    mix.write([np.zeros((2, 5000))])
    levels = mix.master(tmp_path / "out.wav", lambda _: None)
    assert levels.loudness_lufs == -np.inf
