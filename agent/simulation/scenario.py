"""A scenario: weather and faults as data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.config.kinds import Duration, Flag, Number, OneOf, Text, Whole
from agent.config.shapes import Tables, key

OF_SENSORS = ("unplugged", "nack", "flaky", "corrupt", "wrong_chip", "frozen", "power_loss", "slow", "hang", "bug")
# What it happens to besides sensors and buses -> its kinds of faults.
BEYOND = {
    "broker": ("down", "refuses", "silent", "slow"),
    "disk": ("full", "readonly"),
    "process": ("killed", "power_cut"),
}
KINDS = (*OF_SENSORS, "stuck", *(k for kinds in BEYOND.values() for k in kinds if k != "slow"), "clock_step")
PARAMETERS = {"rate": ("flaky", "corrupt"), "delay": ("slow",), "by": ("clock_step",)}
# These happen at one moment, so that they may come again without saying for how long.
MOMENTARY = (*BEYOND["process"], "power_loss")
A_SENSOR = Text(says="the id of a sensor")


class Moment(Duration):
    """A time from the start on; 0 is the start."""

    def read(self, raw: Any) -> float:
        text = raw.strip().rstrip("dhms ") if isinstance(raw, str) else raw
        return 0.0 if text in (0, "0") and not isinstance(text, bool) else super().read(raw)


class Step(Duration):
    """A duration that may be negative."""

    def read(self, raw: Any) -> float:
        if isinstance(raw, str) and raw.strip().startswith("-"):
            return -super().read(raw.strip()[1:])
        if isinstance(raw, int | float) and not isinstance(raw, bool) and raw < 0:
            return -super().read(-raw)
        return super().read(raw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A quantity over time: mean + swing * sin.

    Attributes:
        mean: in the quantity's unit.
        swing: how far it goes up and down.
        period: seconds of one swing.
        phase: where in its period it begins, 0..1.
    """

    mean: float = key(Number())
    swing: float = key(Number(), 0.0)
    period: float = key(Duration(), 600.0)
    phase: float = 0.0

    def at(self, seconds: float) -> float:
        """Return the value this many seconds after the start."""
        return self.mean + self.swing * math.sin(2 * math.pi * (seconds / self.period + self.phase))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFault:
    """One fault of a scenario.

    Attributes:
        kind: what happens.
        at: seconds from the start.
        lasts: seconds; None: until the end.
        every: seconds from one time to the next; None: it comes once.
        sensor, bus, broker, disk, process: what it happens to, one of these.
        rate: the share of transfers that fail (flaky, corrupt).
        delay: seconds that each transfer takes longer (slow).
        by: seconds that the wall clock jumps (clock_step).
    """

    kind: str = key(OneOf(KINDS))
    at: float = key(Moment(), 0.0)
    lasts: float | None = key(Duration(), None, name="for")
    every: float | None = key(Duration(), None)
    sensor: str | None = key(A_SENSOR, None)
    bus: str | None = key(Text(says="a bus, as the configuration calls it"), None)
    broker: bool = key(Flag(), False)
    disk: bool = key(Flag(), False)
    process: bool = key(Flag(), False)
    rate: float | None = key(Number(above=0.0, high=1.0), None)
    delay: float | None = key(Duration(), None)
    by: float | None = key(Step(), None)

    @property
    def target(self) -> tuple[str, str | bool]:
        """What it happens to: the key and its value, as the file has them; the clock where it has none."""
        for name in ("sensor", "bus", *BEYOND):
            if value := getattr(self, name):
                return name, value
        return "clock", True

    def times(self, until: float) -> Iterator[tuple[float, float]]:
        """Yield begin and end of each time it comes before `until`; the end is infinite where it lasts."""
        begin, lasts = self.at, self.lasts
        if lasts is None:
            # A blip of the supply is over at once.
            lasts = 0.0 if self.kind == "power_loss" else math.inf
        while begin < until:
            yield begin, begin + lasts
            if self.every is None:
                return
            begin += self.every

    def active(self, seconds: float) -> bool:
        """Return whether it is there this many seconds after the start."""
        since = seconds - self.at
        if self.every is not None and since >= 0:
            since %= self.every
        return since >= 0 and (self.lasts is None or since < self.lasts)

    def touches(self, since: float, until: float) -> bool:
        """Return whether it is there at any moment in between."""
        begin = self.at
        if self.every is not None and until > begin:
            begin += (until - begin) // self.every * self.every
        return begin <= until and (self.lasts is None or since < begin + self.lasts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Weather and faults.

    Attributes:
        seed: of everything random.
        weather: sensor -> quantity -> curve; what is missing follows its default.
        faults: in the order of the file.
    """

    seed: int = key(Whole(0, 2**63 - 1), 0)
    faults: tuple[ScenarioFault, ...] = key(Tables(ScenarioFault), (), name="fault")
    weather: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)
