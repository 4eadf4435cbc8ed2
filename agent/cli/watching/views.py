"""What is known of one device, of one sensor, and what happened: values that can be shown."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TREND = 24  # values of a quantity that are remembered
# What a state of 0 and of 1 is called, by the driver.
STATES = {"contact": ("open", "closed"), "button": ("released", "pressed"), "motion": ("still", "motion")}
BEYOND_RANGE = "beyond_range"
GOOD = ("ok", BEYOND_RANGE)


@dataclass(slots=True)
class SensorView:
    """One sensor as last heard.

    Attributes:
        values: quantity -> (value, unit). error: why others are missing, in short.
        parts: quantity -> why it alone cannot be told.
        status: as in the batch, or as in the state: "unavailable", "partial", "beyond_range".
        breaker: its state. probe_at: wall time of the next probe. since: wall time at which it came into its status.
        measured: wall time of its newest value; None where it never had one.
        told: whether a batch told it, not the retained state.
    """

    values: dict[str, tuple[float, str]] = field(default_factory=dict)
    status: str = "unknown"
    error: str = ""
    breaker: str = "closed"
    probe_at: float | None = None
    since: float = 0.0
    told: bool = True
    parts: dict[str, str] = field(default_factory=dict)
    measured: float | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.status in GOOD


@dataclass(slots=True)
class DeviceView:
    """One device as last heard.

    Attributes:
        live, late: batches that came at once, and later (`backfill`). heard: wall time of the last message.
        simulated: whether it said that its sensors are.
        units: (sensor, quantity) -> unit, and drivers: sensor -> driver, both as `info` has them.
        trends: (sensor, quantity) -> its last values that were ok.
    """

    name: str
    status: str = "?"
    degraded: bool = False
    sensors: dict[str, SensorView] = field(default_factory=dict)
    health: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    live: int = 0
    late: int = 0
    heard: float = 0.0
    simulated: bool = False
    units: dict[tuple[str, str], str] = field(default_factory=dict)
    drivers: dict[str, str] = field(default_factory=dict)
    trends: dict[tuple[str, str], deque[float]] = field(default_factory=dict)

    @property
    def offline(self) -> bool:
        """Whether the broker says that it is not there."""
        return self.status == "offline"

    @property
    def troubled(self) -> int:
        """How many of its sensors something is wrong with."""
        return sum(not one.good for one in self.sensors.values())

    @property
    def measured(self) -> float | None:
        """Wall time of its newest value; None where it has none."""
        return max((one.measured for one in self.sensors.values() if one.measured is not None), default=None)

    def describe(self, document: Mapping[str, Any]) -> None:
        """Take its `info`."""
        self.info = document
        for one in document.get("sensors", ()):
            self.drivers[str(one["id"])] = str(one["driver"])
            for quantity in one.get("quantities", ()):
                self.units[str(one["id"]), str(quantity["name"])] = str(quantity["unit"])

    def remember(self, sensor: str, quantity: str, value: float) -> None:
        """Add a value to its trend."""
        self.trends.setdefault((sensor, quantity), deque(maxlen=TREND)).append(value)

    def unit(self, sensor: str, quantity: str) -> str:
        """Return the unit of a value: as its reading had it, else as `info` has it."""
        told = self.sensors[sensor].values.get(quantity, (0.0, ""))[1]
        return told or self.units.get((sensor, quantity), "")

    def state_word(self, sensor: str, value: float) -> str | None:
        """Return what a state is called in plain words; None where its driver does not say."""
        words = STATES.get(self.drivers.get(sensor, ""))
        return words[value != 0] if words is not None else None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that people want to know. `tone`: good, bad or plain. `device`: which one it is about, if one."""

    at: float
    text: str
    tone: str = "plain"
    device: str = ""
