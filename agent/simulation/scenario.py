"""A scenario: weather and faults as data, from a TOML file; or all of its mistakes at once, each with line and cure."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agent.config import syntax
from agent.config.kinds import Duration, Flag, Number, OneOf, Text, Whole, named
from agent.config.mistakes import ConfigError, Mistake, Report, Where, Wrong, near
from agent.config.reading import read_table
from agent.config.shapes import Tables, key

OF_SENSORS = ("unplugged", "nack", "flaky", "corrupt", "wrong_chip", "frozen", "power_loss", "slow", "hang", "bug")
KINDS = (*OF_SENSORS, "stuck", "down", "clock_step")
PARAMETERS = {"rate": ("flaky", "corrupt"), "delay": ("slow",), "by": ("clock_step",)}
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
        sensor, bus, broker: what it happens to, one of the three; the broker is the demo's.
        rate: the share of transfers that fail (flaky, corrupt).
        delay: seconds that each transfer takes longer (slow).
        by: seconds that the wall clock jumps (clock_step).
    """

    kind: str = key(OneOf(KINDS))
    at: float = key(Moment(), 0.0)
    lasts: float | None = key(Duration(), None, name="for")
    sensor: str | None = key(A_SENSOR, None)
    bus: str | None = key(Text(says="a bus, as the configuration calls it"), None)
    broker: bool = key(Flag(), False)
    rate: float | None = key(Number(above=0.0, high=1.0), None)
    delay: float | None = key(Duration(), None)
    by: float | None = key(Step(), None)

    def active(self, seconds: float) -> bool:
        """Return whether it is there this many seconds after the start."""
        return self.at <= seconds and (self.lasts is None or seconds < self.at + self.lasts)


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


class Device(Protocol):
    """A simulated sensor, as far as a scenario is concerned with it."""

    @property
    def feels(self) -> Collection[str]:
        """The quantities that a weather can set."""

    @property
    def suffers(self) -> Collection[str]:
        """The kinds of faults that it can have."""


def load(file: str | Path, devices: Mapping[str, Device], buses: Collection[str]) -> Scenario:
    """Return the scenario in a file, for these sensors and buses.

    Raises:
        ConfigError: with all mistakes.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read: {error.strerror if isinstance(error, OSError) else 'this is no UTF-8 text'}"
        raise ConfigError([Mistake(str(file), 0, "", what, "name a scenario with --scenario FILE")]) from None
    return parse(text, path, devices, buses)


def parse(text: str, file: str | Path, devices: Mapping[str, Device], buses: Collection[str]) -> Scenario:
    """Return the scenario in a text, for these sensors and buses.

    Raises:
        ConfigError: with all mistakes.
    """
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError([syntax(str(error), text, file)]) from None
    report = Report()
    scenario = read_table(Scenario, {name: raw[name] for name in raw if name != "weather"}, report)
    stage = _Stage(devices, buses, report)
    weather = stage.weather(raw.get("weather", []))
    for index, one in enumerate(scenario.faults):
        stage.check(one, raw["fault"][index], ("fault", index))
    if mistakes := report.mistakes(text, file):
        raise ConfigError(mistakes)
    return Scenario(seed=scenario.seed, faults=scenario.faults, weather=weather)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where a scenario is played: what is named in it must be there."""

    devices: Mapping[str, Device]
    buses: Collection[str]
    report: Report

    def weather(self, raw: Any) -> dict[str, dict[str, Curve]]:
        """Return the curves, and report what is wrong with them."""
        found: dict[str, dict[str, Curve]] = {}
        try:
            tables = Tables(Curve).read(raw)
        except Wrong as wrong:
            self.report.mistake(("weather",), wrong.what, wrong.fix)
            return {}
        for index, table in enumerate(tables):
            where: Where = ("weather", index)
            if "sensor" not in table:
                self.report.mistake(where, "sensor is missing", "add sensor = …, the id of a sensor")
            elif self._there(table["sensor"], (*where, "sensor")):
                curves = found.setdefault(table["sensor"], {})
                for name in table.keys() - {"sensor"}:
                    curve = self._curve(table["sensor"], table[name], (*where, name))
                    curves |= {name: curve} if curve else {}
        return found

    def _curve(self, sensor: str, raw: Any, where: Where) -> Curve | None:
        name, can = str(where[-1]), sorted(self.devices[sensor].feels)
        if name not in can:
            meant = near(name, can)
            fix = f"did you mean `{meant}`?" if meant else f"it feels {', '.join(can)}"
            self.report.mistake(where, f"{sensor} does not feel this", fix)
            return None
        if not isinstance(raw, dict):
            what = f"{named(raw)} where a table belongs"
            self.report.mistake(where, what, 'write { mean = 21.0, swing = 4.0, period = "10m" }')
            return None
        return read_table(Curve, raw, self.report, where)

    def _there(self, sensor: Any, where: Where) -> bool:
        if isinstance(sensor, str) and sensor in self.devices:
            return True
        meant = near(sensor, list(self.devices)) if isinstance(sensor, str) else None
        fix = f'did you mean "{meant}"?' if meant else f"configured are: {', '.join(self.devices) or 'none'}"
        self.report.mistake(where, f"there is no sensor {sensor!r}", fix)
        return False

    def check(self, one: ScenarioFault, raw: Mapping[str, Any], where: Where) -> None:
        """Make sure that the kind and its target go together, and that the target is there."""
        if not isinstance(one.kind, str) or self.report.touches((*where, "kind")):
            return
        for name, kinds in PARAMETERS.items():
            if name in raw and one.kind not in kinds:
                what, fix = f'"{one.kind}" has no {name}', f"remove it; it is for {' and '.join(kinds)}"
                self.report.mistake((*where, name), what, fix)
        targets = [name for name in ("sensor", "bus", "broker") if raw.get(name) not in (None, False)]
        if one.kind == "clock_step":
            self._clock(raw, where, targets)
        elif one.kind == "down" or targets == ["broker"]:
            if (one.kind, targets) != ("down", ["broker"]):
                what = '"down" is for the broker only, and a broker has no other fault'
                self.report.mistake((*where, "kind"), what, 'write broker = true with kind = "down"')
        elif len(targets) != 1:
            what = f"it happens to one thing, not to {' and '.join(targets)}" if targets else "its target is missing"
            self.report.mistake(where, what, "keep one of them" if targets else 'add sensor = "…" or bus = "i2c-1"')
        else:
            self._target(one, where)

    def _clock(self, raw: Mapping[str, Any], where: Where, targets: list[str]) -> None:
        if "by" not in raw:
            self.report.mistake(where, "by is missing", 'add by = "1h", how far the clock jumps')
        if targets:
            self.report.mistake((*where, targets[0]), "the clock is no part of it", "remove this line")

    def _target(self, one: ScenarioFault, where: Where) -> None:
        if one.sensor and self._there(one.sensor, (*where, "sensor")):
            can = self.devices[one.sensor].suffers
            if one.kind not in can:
                fix = f"write one of {', '.join(kind for kind in KINDS if kind in can)}"
                self.report.mistake((*where, "kind"), f'{one.sensor} cannot suffer "{one.kind}"', fix)
        elif one.bus and one.bus not in self.buses:
            there = ", ".join(sorted(self.buses)) or "none"
            self.report.mistake((*where, "bus"), f"no sensor is on {one.bus}", f"buses of the configuration: {there}")
