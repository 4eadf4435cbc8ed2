"""Deadbands: a good reading that has hardly moved since it was last sent is named in the batch, not sent.

A reading is left out only if a subscriber is sure to have the value that it stands for: the batch with that value was
acknowledged, in this connection, and nothing was given up since. What moves while the broker is away is sent in every
batch until one has arrived: live batches overtake history, and none may lean on one that is still on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import NamedTuple

from agent.model import Batch, Reading

# Seconds. Rounds come at fixed multiples, give or take the last digit.
ALMOST = 1e-3


class Deadband(NamedTuple):
    """How far each quantity of a sensor has to move to be sent before the heartbeat is over.

    Attributes:
        bands: quantity -> in its unit.
        heartbeat: seconds.
    """

    bands: Mapping[str, float]
    heartbeat: float


class _Sent(NamedTuple):
    """A reading as it was sent, in the batch with this number."""

    reading: Reading
    at: float
    seq: int


class Deadbands:
    """The deadbands of all sensors that have one, and what was last sent of each.

    Args:
        connection: returns what changes when subscribers may have missed something: another session, a batch given up.
    """

    def __init__(self, bands: Mapping[str, Deadband], connection: Callable[[], Hashable]) -> None:
        self._bands, self._connection = bands, connection
        # Numbers of batches that are not acknowledged yet, among those in `_sent`.
        self._waiting: set[int] = set()
        self._sent: dict[str, dict[str, _Sent]] = {name: {} for name in bands}
        self._at = connection() if bands else None

    def applied(self, batch: Batch, seq: int) -> Batch:
        """Return the batch with number `seq` without the readings that are left out."""
        concerned = [name for name in batch.sensors if name in self._bands]
        if not concerned:
            return batch
        if (now := self._connection()) != self._at:
            self._at = now
            for sent in self._sent.values():
                sent.clear()
        left_out: set[str] = set()
        for name in concerned:
            left_out |= self._one(name, batch, seq)
        self._waiting &= {one.seq for sent in self._sent.values() for one in sent.values()}
        if not left_out:
            return batch
        readings = [one for one in batch.readings if f"{one.sensor}.{one.quantity}" not in left_out]
        return replace(batch, readings=tuple(readings), unchanged=tuple(sorted(left_out)))

    def acknowledged(self, seq: int) -> None:
        """Take note that subscribers have the batch with this number."""
        self._waiting.discard(seq)

    def _one(self, name: str, batch: Batch, seq: int) -> set[str]:
        """Return what is left out of one sensor, and remember what is sent."""
        deadband, before = self._bands[name], self._sent[name]
        # An edge tells one quantity; a round tells all, and what it lacks is sent when it comes back.
        after = dict(before) if batch.trigger == "event" else {}
        left_out = set()
        for one in batch.readings:
            if one.sensor != name:
                continue
            after.pop(one.quantity, None)
            sent, band = before.get(one.quantity), deadband.bands.get(one.quantity)
            if one.status != "ok" or band is None:
                continue
            due = sent is None or batch.due - sent.at >= deadband.heartbeat - ALMOST
            if (
                sent is None
                or due
                or batch.trigger != "interval"
                or sent.seq in self._waiting
                or _moved(one, sent, band)
            ):
                after[one.quantity] = _Sent(one, batch.due, seq)
                self._waiting.add(seq)
            else:
                after[one.quantity] = sent
                left_out.add(f"{name}.{one.quantity}")
        self._sent[name] = after
        return left_out


def _moved(one: Reading, sent: _Sent, band: float) -> bool:
    """Return whether a reading or an extreme of its window differs by the deadband or more, or a sample is missing."""
    before, window, earlier = sent.reading, one.window, sent.reading.window
    if window is not None and (window.missed or earlier is None or earlier.missed):
        return True
    pairs = [(one.value, before.value)]
    if window is not None and earlier is not None:
        pairs += [(window.least, earlier.least), (window.greatest, earlier.greatest)]
    # Binary fractions make a difference of exactly one band slightly smaller.
    least = band * (1 - 1e-9) - 1e-12
    return any(abs(value - was) >= least for value, was in pairs)
