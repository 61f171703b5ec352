"""Independent random streams: each unit's part, defects and noise are a function of (seed, stream, unit).

A stream is drawn by key, not by order, so that unit 1,000 can be rendered without the 999 before it, and a part
can be rendered again without its defects while everything else stays as it was.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """Which parts: those that run on the line, those photographed to train an inspector, or the challenge parts."""

    LIVE = 1
    TRAINING = 2
    CHALLENGE = 3


class Purpose(IntEnum):
    """What a random number decides."""

    PART = 1
    DEFECTS = 2
    NOISE = 3
    FAULTS = 4
    FIXTURE = 5


def generator(seed: int, stream: Stream, unit_number: int, purpose: Purpose) -> np.random.Generator:
    """A generator of its own for each purpose of each unit.

    >>> a = generator(1, Stream.LIVE, 5, Purpose.PART).random()
    >>> a == generator(1, Stream.LIVE, 5, Purpose.PART).random()
    True
    >>> a == generator(1, Stream.TRAINING, 5, Purpose.PART).random()
    False
    """
    key = (int(stream), unit_number, int(purpose))
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
