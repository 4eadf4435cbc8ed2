"""Checks of what is done with a sensor's values: calibration, limits, windows, deadbands, derived quantities."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from .corrections import FIX, POINTS_FIX, CalibrationConfig
from .devices import DERIVED, SensorConfig
from .kinds import people
from .mistakes import Report, Where, near

FLOORS = {"°C": -273.15, "%": 0.0, "hPa": 0.0, "lx": 0.0, "ppm": 0.0, "ppb": 0.0, "mm": 0.0, "Ω": 0.0, "Hz": 0.0}
# In any unit: a calibrated range beyond this is a mistake.
ABSURD = 1e12
# Tables with a value for each quantity, measured or derived.
BY_QUANTITY = ("limits", "rate", "deadband")


def check_times(
    sensor: SensorConfig, takes: float | None, raw: Mapping[str, Any], report: Report, where: Where
) -> None:
    """Report a sample or heartbeat that does not fit the interval or the driver.

    Args:
        takes: seconds of a reading, where the driver says so.
    """
    every, sample = sensor.every, sensor.sample
    if sample is not None and sample > every:
        what = f"a sample every {people(sample)} is less often than a reading every {people(every)}"
        report.mistake((*where, "sample"), what, f'write less than every = "{people(every)}"')
    elif sample == every:
        what = "with one sample a reading there is nothing to average"
        report.warning((*where, "sample"), what, "write a shorter one, or remove it")
    elif sample is not None and takes is not None and sample < takes:
        what = f"a reading of a {sensor.driver} takes {people(takes)}: most samples would be missed"
        report.warning((*where, "sample"), what, seldom(sensor, float(math.ceil(takes))))
    if "heartbeat" in raw and not sensor.deadband:
        what = "without a deadband every reading is sent"
        report.warning((*where, "heartbeat"), what, "add a deadband, or remove it")
    elif sensor.deadband and sensor.heartbeat <= every:
        what = f"a heartbeat of {people(sensor.heartbeat)} sends every reading, so the deadband does nothing"
        at = "heartbeat" if "heartbeat" in raw else "deadband"
        report.warning((*where, at), what, f"write a heartbeat of several times every = {people(every)}")


def seldom(sensor: SensorConfig, seconds: float) -> str:
    """Return the cure for samples that come more often than this: never less often than `every`."""
    return f'write sample = "{people(seconds)}" or more' if seconds < sensor.every else "remove sample"


def check_names(sensor: SensorConfig, measured: Sequence[str], report: Report, where: Where) -> None:
    """Report quantities that the sensor neither measures nor derives; nothing where it is not known what it does."""
    if not measured:
        return
    _derive(sensor, measured, report, where)
    known = [*measured, *sensor.derive]
    for table in ("calibrate", *BY_QUANTITY):
        allowed = measured if table == "calibrate" else known
        for name in getattr(sensor, table):
            if name in allowed:
                continue
            at = (*where, table, name)
            if name in sensor.derive:
                needed = " and ".join(DERIVED[name])
                report.mistake(at, "this is derived, not measured", f"calibrate {needed}")
            elif name in DERIVED:
                report.mistake(at, f"a {sensor.driver} does not measure this", f'add derive = ["{name}"], or remove it')
            else:
                meant = near(name, allowed)
                fix = f"did you mean `{meant}`?" if meant else f"it measures {', '.join(measured)}"
                report.mistake(at, f"a {sensor.driver} does not measure this", fix)


def _derive(sensor: SensorConfig, measured: Sequence[str], report: Report, where: Where) -> None:
    for number, name in enumerate(sensor.derive):
        at = (*where, "derive", number)
        lacking = [one for one in DERIVED[name] if one not in measured]
        if name in sensor.derive[:number]:
            report.mistake(at, f"{name} is there twice", "keep one of them")
        elif name in measured:
            report.warning(at, f"a {sensor.driver} measures {name} here, so it is not derived", "remove it")
        elif lacking:
            what = f"{name} needs {' and '.join(lacking)}, which a {sensor.driver} does not measure"
            report.mistake(at, what, "remove it, or derive it where all of it is measured")


def check_altitude(sensor: SensorConfig, report: Report, where: Where) -> None:
    """Report that the pressure at sea level cannot be derived without an altitude."""
    if "sea_level_pressure" not in sensor.derive or sensor.derive_altitude is not None:
        return
    if not report.touches((*where, "altitude")):
        what = "sea_level_pressure needs the altitude of the sensor"
        report.mistake((*where, "derive"), what, "add altitude = …, in metres above the sea")


def check_calibration(sensor: SensorConfig, quantity: Any, report: Report, where: Where) -> None:
    """Report a calibration that overflows or leaves the scale, and limits outside of what the sensor measures."""
    name, unit = quantity.name, f" {quantity.unit}" if quantity.unit else ""
    one, at = sensor.calibrations.get(name), (*where, "calibrate", name)
    floor = FLOORS.get(quantity.unit, -math.inf)
    ends, fix = _calibrated(one, quantity)
    if not all(map(math.isfinite, ends)):
        what = f"calibrated, what a {sensor.driver} measures is more than a number can hold"
        report.mistake(at, what, fix)
        return
    if max(ends) < floor or max(map(abs, ends)) > ABSURD:
        what = f"calibrated, it tells {min(ends):g} to {max(ends):g}{unit}, which nothing is"
        report.warning(at, what, fix)
    _limits(sensor, name, ends, floor, unit, report, where)


def _calibrated(one: CalibrationConfig | None, quantity: Any) -> tuple[list[float], str]:
    """Return the calibrated ends of what a sensor measures, and how a calibration is written."""
    ends = [end for end in (quantity.low, quantity.high) if math.isfinite(end)]
    if one is not None and one.points:
        known = [true for _, true in one.points]
        outside = [end for end in ends if not one.points[0][0] <= end <= one.points[-1][0]]
        return [*known, *map(one.beyond_points, outside)], POINTS_FIX
    scale, offset = (1.0, 0.0) if one is None else (one.scale, one.offset)
    return [scale * end + offset for end in ends or (1.0,)], FIX


def _limits(
    sensor: SensorConfig, name: str, ends: Sequence[float], floor: float, unit: str, report: Report, where: Where
) -> None:
    if name not in sensor.limits:
        return
    (low, high), at = sensor.limits[name], (*where, "limits", name)
    if low < floor:
        report.warning(at, f"nothing is below {floor:g}{unit}", f"write {floor:g} or more")
    if len(ends) > 1 and (high < min(ends) or low > max(ends)):
        what = f"it measures {min(ends):g} to {max(ends):g}{unit}, so every value would be suspect"
        report.warning(at, what, "write limits within what it measures")


def check_due(sensors: Iterable[SensorConfig], today: date, report: Report) -> None:
    """Warn of calibrations that have to be renewed."""
    for number, sensor in enumerate(sensors):
        for name, one in sensor.calibrations.items():
            if one.due is not None and one.due < today.isoformat():
                what = f"this calibration was due on {one.due}"
                fix = "calibrate it again, and write the new values with the next due date"
                report.warning(("sensor", number, "calibrate", name, "due"), what, fix)
