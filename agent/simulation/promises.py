"""What is promised, each in one sentence; and the book of what was found against it."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

MOST = 20  # sentences that are kept; the rest is counted


class Promise(StrEnum):
    """What subscribers rely on."""

    DELIVERED = "every batch is delivered, or declared as missing"
    NUMBERED = "the numbers of a run's batches have no gap, and each names one batch"
    LIVE = "what is old never comes on the live topic"
    ORDERED = "batches come oldest first"
    PRESENT = "a device is online only after its present values"
    DATED = "a batch is dated by the clock as it is believed, and says so"
    TRUE = "a value is what the sensor feels"
    DEGRADED = "what is missing is named, and degrades its batch"
    PUNCTUAL = "rounds leave in time, whatever hangs"
    BOUNDED = "what waits stays within its limit"
    CRASHES = "a kill or a power cut loses no more than the durability allows"
    ENDS = "an end takes two seconds at most, and leaves everything safe"
    RECOVERED = "all is well again after the last fault"
    RUNS = "the agent never crashes"


class Findings:
    """What speaks against the promises.

    Args:
        now: seconds since the world began.

    Attributes:
        violations: each in words, with its moment; the first ones.
        broken: promise -> how often, and the first moments in words.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.violations: list[str] = []
        self.broken: dict[Promise, list[str]] = {}
        self.counts: dict[Promise, int] = {}

    def wrong(self, what: str, promise: Promise = Promise.TRUE) -> None:
        """Note a broken promise."""
        text = f"{self._now():.3f} s: {what}"
        self.counts[promise] = self.counts.get(promise, 0) + 1
        if len(self.violations) < MOST:
            self.violations.append(text)
        sentences = self.broken.setdefault(promise, [])
        if len(sentences) < MOST:
            sentences.append(text)
