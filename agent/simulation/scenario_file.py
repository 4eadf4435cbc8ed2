"""A scenario's text becomes a scenario, or all of its mistakes at once, each with line and cure."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from agent.config import syntax
from agent.config.kinds import named
from agent.config.mistakes import ConfigError, Mistake, Report, Where, Wrong, near
from agent.config.reading import read_table
from agent.config.shapes import Tables

from .scenario import BEYOND, KINDS, MOMENTARY, OF_SENSORS, PARAMETERS, Curve, Scenario, ScenarioFault

REHEARSE = "leave it out, or play it with `limpet rehearse`"
NO_DISK = 'leave it out, or write another durability: with "memory" nothing is kept on a disk'


class Suffering(Protocol):
    """Something that can fail."""

    @property
    def suffers(self) -> Collection[str]:
        """The kinds of faults that it can have."""


class Device(Suffering, Protocol):
    """A simulated sensor, as far as a scenario is concerned with it."""

    @property
    def feels(self) -> Collection[str]:
        """The quantities that a weather can set."""


def load(
    file: str | Path,
    devices: Mapping[str, Device],
    buses: Mapping[str, Suffering],
    beyond: Collection[str] = tuple(BEYOND),
    ends: float = math.inf,
) -> Scenario:
    """Return the scenario in a file, as `parse` does.

    Raises:
        ConfigError: with all mistakes.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read: {error.strerror if isinstance(error, OSError) else 'this is no UTF-8 text'}"
        raise ConfigError([Mistake(str(file), 0, "", what, "name a scenario with --scenario FILE")]) from None
    return parse(text, path, devices, buses, beyond, ends)


def parse(
    text: str,
    file: str | Path,
    devices: Mapping[str, Device],
    buses: Mapping[str, Suffering],
    beyond: Collection[str] = tuple(BEYOND),
    ends: float = math.inf,
) -> Scenario:
    """Return the scenario in a text.

    Args:
        devices, buses: what the run has.
        beyond: which of broker, disk and process it can let fail.
        ends: how many seconds it takes.

    Raises:
        ConfigError: with all mistakes.
    """
    try:
        raw = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError([syntax(str(error), text, file)]) from None
    report = Report()
    scenario = read_table(Scenario, {name: raw[name] for name in raw if name != "weather"}, report)
    stage = _Stage(devices, buses, beyond, ends, report)
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
    buses: Mapping[str, Suffering]
    beyond: Collection[str]
    ends: float
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
        """Make sure that the kind and its target go together, that the target is there, and that it comes in time."""
        if not isinstance(one.kind, str) or self.report.touches((*where, "kind")):
            self._found(one, where)
            return
        for name, kinds in PARAMETERS.items():
            if name in raw and (one.kind not in kinds or (name == "delay" and one.broker)):
                what, fix = f'"{one.kind}" has no {name}', f"remove it; it is for {' and '.join(kinds)} of a sensor"
                self.report.mistake((*where, name), what, fix)
        self._time(one, where)
        targets = [name for name in ("sensor", "bus", *BEYOND) if raw.get(name) not in (None, False)]
        if one.kind == "clock_step":
            self._clock(raw, where, targets)
        elif len(targets) != 1:
            what = f"it happens to one thing, not to {' and '.join(targets)}" if targets else "its target is missing"
            self.report.mistake(where, what, "keep one of them" if targets else f"add {_home(one.kind)}")
        elif targets[0] in BEYOND:
            self._beyond(one, targets[0], where)
        else:
            self._target(one, where)

    def _time(self, one: ScenarioFault, where: Where) -> None:
        """Make sure that it comes before the end, and is over before it comes again."""
        if isinstance(one.at, float) and one.at >= self.ends:
            what = f"it lies after the end: the run takes {_duration(self.ends)}"
            self.report.mistake((*where, "at"), what, "let it begin earlier, or let the run take longer")
        if one.every is None or not isinstance(one.every, float) or self.report.touches((*where, "for")):
            return
        if one.lasts is None and one.kind not in MOMENTARY:
            self.report.mistake((*where, "every"), "it never ends, so it cannot come again", 'add for = "20s"')
        elif one.lasts is not None and one.lasts >= one.every:
            fix = f"let it come more seldom than every {_duration(one.lasts)}"
            self.report.mistake((*where, "every"), "it comes again before it is over", fix)

    def _beyond(self, one: ScenarioFault, target: str, where: Where) -> None:
        if one.kind not in BEYOND[target]:
            what = f'a {target} cannot suffer "{one.kind}"'
            self.report.mistake((*where, "kind"), what, f"write one of {', '.join(BEYOND[target])}")
        elif target not in self.beyond:
            # Only a rehearsal lets processes fail; it lacks the disk where the configuration uses none.
            fix = NO_DISK if "process" in self.beyond else REHEARSE
            self.report.mistake((*where, target), f"this run cannot let the {target} fail", fix)

    def _clock(self, raw: Mapping[str, Any], where: Where, targets: list[str]) -> None:
        if "by" not in raw:
            self.report.mistake(where, "by is missing", 'add by = "1h", how far the clock jumps')
        if targets:
            self.report.mistake((*where, targets[0]), "the clock is no part of it", "remove this line")

    def _target(self, one: ScenarioFault, where: Where) -> None:
        found = self._found(one, where)
        if found is not None and one.kind not in found.suffers:
            fix = f"write one of {', '.join(kind for kind in KINDS if kind in found.suffers)}"
            self.report.mistake((*where, "kind"), f'{one.sensor or one.bus} cannot suffer "{one.kind}"', fix)

    def _found(self, one: ScenarioFault, where: Where) -> Suffering | None:
        """Return the sensor or bus that a fault names; report one that is not there."""
        if one.sensor:
            return self.devices[one.sensor] if self._there(one.sensor, (*where, "sensor")) else None
        if one.bus and one.bus not in self.buses:
            there = ", ".join(sorted(self.buses)) or "none"
            self.report.mistake((*where, "bus"), f"no sensor is on {one.bus}", f"buses of the configuration: {there}")
        return self.buses.get(one.bus) if one.bus else None


def _home(kind: str) -> str:
    """Return what a fault of this kind can happen to, as it is written."""
    homes = [f"{target} = true" for target, kinds in BEYOND.items() if kind in kinds]
    if kind in (*OF_SENSORS, "stuck"):
        homes = ['sensor = "…"', 'bus = "i2c-1"', *homes]
    return " or ".join(homes)


def _duration(seconds: float) -> str:
    """Return a duration as one writes it in a scenario."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
