"""What this room does by itself when the log has grown: alarms, nonconformities, retention."""

from __future__ import annotations

from typing import Protocol


class Keeper(Protocol):
    """Reads its tables and states what follows from them.

    A step does a bounded piece of work and may be interrupted anywhere: what it states carries identities that make
    a repeated step harmless.
    """

    @property
    def name(self) -> str:
        """For log lines."""
        ...

    def step(self) -> None:
        """One piece of work; a GaugeblockError is told as a concern, and the step is tried again later."""
        ...
