"""Sounds of a wanted loudness: dense, like speech, and with far peaks, as libraries have them."""

from __future__ import annotations

import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.playout.inputs import loudness_of

RATE = 48_000
#: No sample of a made file is higher (fraction of full scale).
MOST = 0.97

Samples = np.ndarray[Any, np.dtype[np.float64]]


def _coloured(count: int, seed: int) -> Samples:
    """Noise with the spectrum of programmes: flat below 400 Hz, then falling 6 dB an octave."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[hertz < 60] = 0
    made = np.fft.irfft(spectrum / np.maximum(1.0, hertz / 400), count)
    return np.asarray(made / np.sqrt(np.mean(made**2)))


def dense(seconds: float, seed: int = 1) -> Samples:
    """A commercial after its compressor: some 8 dB between loudness and peak."""
    return np.asarray(np.tanh(0.5 * _coloured(round(seconds * RATE), seed)))


def speech(seconds: float, seed: int = 2) -> Samples:
    """Syllables of uneven strength four times a second, with a pause in each three seconds."""
    count = round(seconds * RATE)
    at = np.arange(count) / RATE
    strengths = np.random.default_rng(seed).uniform(0.25, 1.0, count // (RATE // 4) + 2)
    syllable = np.sin(np.pi * (4 * at % 1)) ** 2 * strengths[(4 * at).astype(int)]
    return np.asarray(_coloured(count, seed) * syllable * np.where(at % 3 > 2.4, 0.003, 1.0))


def peaky(seconds: float, seed: int = 3) -> Samples:
    """Speech in a room where a door slams every second."""
    made = speech(seconds, seed)
    at = np.arange(len(made)) / RATE
    slam = np.exp(-(at % 1.0) * 400) * np.sin(2 * np.pi * 900 * at) * np.max(np.abs(made)) * 3.5
    return np.asarray(made + slam)


def far(seconds: float, seed: int = 4) -> Samples:
    """The same with a shot in place of the door: no limiter brings that near."""
    made = speech(seconds, seed)
    at = np.arange(len(made)) / RATE
    shot = np.exp(-(at % 4.0) * 300) * np.sin(2 * np.pi * 700 * at) * np.max(np.abs(made)) * 9
    return np.asarray(made + shot)


SOUNDS: dict[str, Callable[[float], Samples]] = {"dense": dense, "speech": speech, "peaky": peaky, "far": far}


def write(path: Path, samples: Samples) -> None:
    """Stereo of 24 bit."""
    whole = np.round(np.clip(samples, -1.0, 1.0) * (2**23 - 1)).astype("<i4")
    both = np.repeat(whole, 2).view(np.uint8).reshape(-1, 4)[:, :3]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(3)
        file.setframerate(RATE)
        file.writeframes(both.tobytes())


def at_loudness(path: Path, samples: Samples, wanted: float) -> bool:
    """Write ``samples`` so loud that ffmpeg measures ``wanted`` LUFS, peaks flattened as a loud master's are.

    False: that can't be, its peaks are too far away.
    """
    gain_db = 0.0
    for _ in range(8):
        scaled = samples * 10 ** (gain_db / 20)
        write(path, np.clip(scaled, -MOST, MOST))
        level, _ = loudness_of(path)
        if abs(level - wanted) < 0.06:
            return bool(np.mean(np.abs(scaled) > MOST) < 0.02)
        gain_db += wanted - level
    return False
