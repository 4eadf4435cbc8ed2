"""A scenario: weather and faults as data, from a TOML file; or all of its mistakes at once, each with line and cure."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from agent.config import syntax
from agent.config.kinds import Duration, Flag, OneOf, Text, Whole, named, number
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


@dataclass(frozen=True)
class Real:
    """A number."""

    def read(self, raw: Any) -> float:
        return float(number(raw, "write a number, such as 21.5"))

    def schema(self) -> dict[str, Any]:
        return {"type": "number"}


@dataclass(frozen=True)
class Share:
    """A number above 0 and up to 1."""

    def read(self, raw: Any) -> float:
        fix = "write a share above 0 and up to 1, such as 0.7"
        value = number(raw, fix)
        if not 0 < value <= 1:
            raise Wrong(f"{raw} is no share", fix)
        return float(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "exclusiveMinimum": 0, "maximum": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A quantity over time: mean + swing * sin.

    Attributes:
        mean: in the quantity's unit.
        swing: how far it goes up and down.
        period: seconds of one swing.
        phase: where in its period it begins, 0..1.
    """

    mean: float = key(Real())
    swing: float = key(Real(), 0.0)
    period: float = key(Duration(), 600.0)
    phase: float = 0.0

    def at(self, seconds: float) -> float:
        """Return the value so many seconds after the start."""
        return self.mean + self.swing * math.sin(2 * math.pi * (seconds / self.period + self.phase))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioFault:
    """One fault of a scenario.

    Attributes:
        kind: what happens.
        at: seconds from the start.
        lasts: seconds; None is for ever.
        sensor: who has it.
        bus: or which bus.
        broker: or the demo's broker.
        rate: the share of transfers that fail (flaky, corrupt).
        delay: seconds that each transfer takes longer (slow).
        by: seconds that the wall clock jumps (clock_step).
    """

    kind: str = key(OneOf(KINDS))
    at: float = key(Moment(), 0.0)
    lasts: float | None = key(Duration(), None, name="for")
    sensor: str | None = key(A_SENSOR, None)
    bus: str | None = key(Text(r"i2c-\d{1,3}", "a bus such as i2c-1"), None)
    broker: bool = key(Flag(), False)
    rate: float | None = key(Share(), None)
    delay: float | None = key(Duration(), None)
    by: float | None = key(Step(), None)

    def active(self, seconds: float) -> bool:
        """Tell whether it is there so many seconds after the start."""
        return self.at <= seconds and (self.lasts is None or seconds < self.at + self.lasts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Weather and faults.

    Attributes:
        seed: of all dice.
        weather: sensor -> quantity -> curve; what is missing follows its default.
        faults: in the order of the file.
    """

    seed: int = key(Whole(0, 2**63 - 1), 0)
    faults: tuple[ScenarioFault, ...] = key(Tables(ScenarioFault), (), name="fault")
    weather: Mapping[str, Mapping[str, Curve]] = field(default_factory=dict)


class Part(Protocol):
    """A simulated sensor, as far as a scenario needs to know it."""

    @property
    def feels(self) -> Collection[str]: ...  # quantities

    @property
    def suffers(self) -> Collection[str]: ...  # kinds of faults


def load(file: str | Path, parts: Mapping[str, Part], buses: Collection[str]) -> Scenario:
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
    return parse(text, path, parts, buses)


def parse(text: str, file: str | Path, parts: Mapping[str, Part], buses: Collection[str]) -> Scenario:
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
    stage = _Stage(parts, buses, report)
    weather = stage.weather(raw.get("weather", []))
    for index, one in enumerate(scenario.faults):
        stage.check(one, raw["fault"][index], ("fault", index))
    if mistakes := report.mistakes(text, file):
        raise ConfigError(mistakes)
    return Scenario(seed=scenario.seed, faults=scenario.faults, weather=weather)


@dataclass(frozen=True, slots=True)
class _Stage:
    """Where a scenario is played: what is named in it must be there."""

    parts: Mapping[str, Part]
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
        name, can = str(where[-1]), sorted(self.parts[sensor].feels)
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
        if isinstance(sensor, str) and sensor in self.parts:
            return True
        meant = near(sensor, list(self.parts)) if isinstance(sensor, str) else None
        fix = f'did you mean "{meant}"?' if meant else f"configured are: {', '.join(self.parts) or 'none'}"
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
            self._clock(one, raw, where, targets)
        elif one.kind == "down" or targets == ["broker"]:
            if (one.kind, targets) != ("down", ["broker"]):
                what = '"down" is for the broker, and for nobody else; a broker knows no other'
                self.report.mistake((*where, "kind"), what, 'write broker = true with kind = "down"')
        elif len(targets) != 1:
            fix = "keep one of them" if targets else 'add sensor = "…" or bus = "i2c-1"'
            self.report.mistake(where, f"whom does it happen to? {' and '.join(targets) or 'nobody is named'}", fix)
        else:
            self._target(one, where)

    def _clock(self, one: ScenarioFault, raw: Mapping[str, Any], where: Where, targets: list[str]) -> None:
        if "by" not in raw:
            self.report.mistake(where, "by is missing", 'add by = "1h", how far the clock jumps')
        if targets:
            self.report.mistake((*where, targets[0]), "the clock belongs to everybody", "remove this line")

    def _target(self, one: ScenarioFault, where: Where) -> None:
        if one.sensor and self._there(one.sensor, (*where, "sensor")):
            can = self.parts[one.sensor].suffers
            if one.kind not in can:
                fix = f"write one of {', '.join(kind for kind in KINDS if kind in can)}"
                self.report.mistake((*where, "kind"), f'{one.sensor} cannot suffer "{one.kind}"', fix)
        elif one.bus and one.bus not in self.buses:
            there = ", ".join(sorted(self.buses)) or "none"
            self.report.mistake((*where, "bus"), f"no sensor is on {one.bus}", f"buses of the configuration: {there}")
