"""The last hours of every quantity in memory: lowest and highest value of each slot of time, about 2 kB a quantity.

At first a slot is a few seconds long, so that a line can be drawn soon after the start. When all slots are used, pairs
are merged and a slot is twice as long, until they hold `SPAN` together; from then on the oldest slot makes room.
"""

from __future__ import annotations

import math
from array import array
from typing import Any

SPAN = 6 * 3600.0  # seconds
SLOTS = 120
LONGEST = SPAN / SLOTS
SHORTEST = LONGEST / 16

Key = tuple[str, str]


class Rings:
    """One ring for each quantity of each sensor. Times are seconds of one monotonic clock.

    Attributes:
        width: seconds that a slot has now.
        taken: how many values were taken so far.
    """

    def __init__(self) -> None:
        self.width, self.taken = SHORTEST, 0
        self._began: float | None = None
        self._rings: dict[Key, Ring] = {}
        # When the newest value of each quantity was measured: a value is taken once.
        self._newest: dict[Key, float] = {}

    def take(self, sensor: str, quantity: str, value: float, at: float) -> None:
        """Add a value that was measured at `at`; one that is not newer than the last one is ignored."""
        key = sensor, quantity
        if at <= self._newest.get(key, -math.inf):
            return
        self._newest[key] = at
        self._began = at if self._began is None else self._began
        while self.width < LONGEST and self.slot(at) - self.slot(self._began) >= SLOTS:
            self.width *= 2
            for ring in self._rings.values():
                ring.merge_pairs()
        self.taken += 1
        ring = self._rings.setdefault(key, Ring())
        ring.take(self.slot(at), value)
        ring.taken = self.taken

    def slot(self, at: float) -> int:
        """Return the number of the slot of a moment."""
        return int(at // self.width)

    def keep(self, keys: set[Key]) -> None:
        """Forget all quantities but these: a reload may have removed sensors."""
        for key in self._rings.keys() - keys:
            del self._rings[key], self._newest[key]

    def since(self, first: int | None, taken: int = 0) -> dict[str, Any]:
        """Return the slots from `first` on, or all, by sensor and quantity, of those measured after `taken` values.

        An entry is a number, `[low, high]`, or None where nothing was measured. `first` of a series is the number of
        its first slot.
        """
        series: dict[str, dict[str, Any]] = {}
        for (sensor, quantity), ring in self._rings.items():
            start, values = ring.since(first) if ring.taken > taken else (0, [])
            if values:
                series.setdefault(sensor, {})[quantity] = {"first": start, "values": values}
        return {"width": self.width, "slots": SLOTS, "series": series}

    @property
    def newest(self) -> int | None:
        """The number of the newest slot of all; None while there is none."""
        return max((ring.newest for ring in self._rings.values()), default=None)


class Ring:
    """The slots of one quantity. An empty slot holds not-a-number.

    Attributes:
        taken: how many values all rings together had taken after this one's last.
    """

    def __init__(self) -> None:
        self.taken = 0
        self._clear()

    def _clear(self) -> None:
        self._low = array("d", [math.nan]) * SLOTS
        self._high = array("d", [math.nan]) * SLOTS
        self.oldest, self.newest = 0, -1

    def take(self, slot: int, value: float) -> None:
        """Add a value to a slot, which is the newest one, a later one, or one that is still there."""
        self._advance(slot)
        if slot <= self.newest - SLOTS:
            return
        at = slot % SLOTS
        if math.isnan(self._low[at]):
            self._low[at] = self._high[at] = value
        else:
            self._low[at], self._high[at] = min(self._low[at], value), max(self._high[at], value)

    def _advance(self, slot: int) -> None:
        if self.newest < 0:
            self.oldest = self.newest = slot
        for passed in range(max(self.newest + 1, slot - SLOTS + 1), slot + 1):
            self._low[passed % SLOTS] = self._high[passed % SLOTS] = math.nan
        self.newest = max(self.newest, slot)
        self.oldest = max(min(self.oldest, slot), self.newest - SLOTS + 1)

    def merge_pairs(self) -> None:
        """Make of each two slots one: a slot is twice as long from now on."""
        old = [(slot // 2, self._low[slot % SLOTS], self._high[slot % SLOTS]) for slot in self._slots(None)]
        self._clear()
        for slot, low, high in old:
            self._advance(slot)
            if not math.isnan(low):
                self.take(slot, low)
                self.take(slot, high)

    def since(self, first: int | None) -> tuple[int, list[float | list[float] | None]]:
        """Return the number of the first slot, and the entries from there on."""
        slots = self._slots(first)
        return slots.start, [self._entry(slot % SLOTS) for slot in slots]

    def _slots(self, first: int | None) -> range:
        return range(self.oldest if first is None else max(first, self.oldest), self.newest + 1)

    def _entry(self, at: int) -> float | list[float] | None:
        low, high = self._low[at], self._high[at]
        if math.isnan(low):
            return None
        return low if low == high else [low, high]
