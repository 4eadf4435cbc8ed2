"""Checks of a sensor's table against its driver: options, pins, address, quantities, time."""

from __future__ import annotations

import functools
import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from drivers import catalog

from .devices import SensorConfig
from .kinds import people, seconds
from .mistakes import Report, Where, near
from .value_checks import check_altitude, check_calibration, check_names, check_times, seldom

# Constructor arguments that have a key of their own.
OWN_KEYS = ("bus", "address", "pin", "device", "altitude")
PIN_OPTIONS = ("trigger", "echo")
# Of the time that a driver takes: the bus and the chip's oscillator may be slow.
ROOM = 1.5
# The package of the base classes, whose `takes` is a default.
BASE = "drivers.chip"
# Seconds. Fixes never suggest a shorter timeout.
SHORT = 0.05


def own_keys(driver: Any) -> tuple[str, ...]:
    """Return the constructor arguments that have a key of their own: `port`, too, of a UART; on SPI it is an option."""
    return (*OWN_KEYS, "port") if getattr(driver, "bus_name", "") == "uart" else OWN_KEYS


@dataclass(frozen=True, slots=True)
class Fitted:
    """A sensor with what its driver adds.

    Attributes:
        quantities: names of what it measures and derives; empty if they are not known before the device is there.
    """

    sensor: SensorConfig
    where: Where
    quantities: tuple[str, ...] = ()

    def pins(self) -> Iterator[tuple[int, str, Where]]:
        """Yield the BCM numbers that it uses, with user and key."""
        user = f'sensor "{self.sensor.id}"'
        if self.sensor.pin is not None:
            yield self.sensor.pin, user, (*self.where, "pin")
        for name in PIN_OPTIONS:
            pin = self.sensor.options.get(name)
            if isinstance(pin, int) and not isinstance(pin, bool):
                yield pin, f"{name} of {user}", (*self.where, "options", name)


def fit(sensor: SensorConfig, raw: Mapping[str, Any], report: Report, where: Where) -> Fitted:
    """Return the sensor, completed by what its driver says; report what does not fit it. Imports the driver."""
    driver = _driver(sensor, report, where)
    if driver is None:
        return Fitted(sensor, where)
    sensor = replace(sensor, options=_in_seconds(driver, sensor.options), explicit_timeout="timeout" in raw)
    if "sea_level_pressure" in sensor.derive:
        sensor = replace(sensor, derive_altitude=sensor.altitude)
    if sensor.altitude is not None and "altitude" not in parameters(driver)[0]:
        if sensor.derive_altitude is None:
            report.warning((*where, "altitude"), "nothing here needs it", "remove it")
        sensor = replace(sensor, altitude=None)
    check_altitude(sensor, report, where)
    _belongs(sensor, driver, raw, report, where)
    if driver.addresses:
        sensor = _addressed(sensor, driver, report, where)
    place = "port" if "port" in own_keys(driver) else "device"
    cure = driver.moving(getattr(sensor, place)) if hasattr(driver, "moving") else None
    if cure is not None:
        what = f"{getattr(sensor, place)} may be another device after a reboot"
        report.warning((*where, place), what, cure)
    spoilt = any(report.touches((*where, name)) for name in ("pin", "device", "port", "options"))
    chip = None if spoilt else _opened(sensor, driver, report, where)
    if chip is None:
        # The driver has complained of one.
        _not_allowed(sensor, driver, report, where, 0 if spoilt else 1)
    quantities = getattr(chip or driver, "quantities", ())
    measured = tuple(one.name for one in quantities)
    check_names(sensor, measured, report, where)
    for quantity in quantities:
        check_calibration(sensor, quantity, report, where)
    check_times(sensor, _takes(chip or driver), raw, report, where)
    names = tuple(dict.fromkeys((*measured, *sensor.derive))) if measured else ()
    return Fitted(_timed(sensor, chip or driver, raw, report, where), where, names)


def _driver(sensor: SensorConfig, report: Report, where: Where) -> Any:
    """Return the driver's class, or None after a report."""
    if not sensor.driver:
        return None
    try:
        return catalog.find(sensor.driver)
    except LookupError:
        names = catalog.nearest(sensor.driver)
        fix = f"did you mean {' or '.join(names)}?" if names else "`limpet chips` lists all drivers"
        report.mistake((*where, "driver"), f"no driver is called {sensor.driver!r}", fix)
    except (ImportError, AttributeError) as error:
        what = f"the driver {sensor.driver} cannot be loaded: {error}"
        report.mistake((*where, "driver"), what, "install again: a part of the program is missing")
    return None


def _belongs(sensor: SensorConfig, driver: Any, raw: Mapping[str, Any], report: Report, where: Where) -> None:
    """Report keys and options that the driver does not have, and those that are missing."""
    known, needed, open_ended = parameters(driver)
    own = own_keys(driver)
    of_i2c = () if driver.addresses else ("bus", "address", "mux")
    for name in (*of_i2c, *(one for one in ("pin", "device") if one not in known and not open_ended)):
        if name in raw:
            report.mistake((*where, name), f"a {sensor.driver} has no {name}", "remove it")
    if "port" in raw and "port" not in own and not open_ended:
        fix = f"write options = {{ port = {raw['port']} }}" if "port" in known else "remove it"
        report.mistake((*where, "port"), f"a {sensor.driver} is on no serial port", fix)
    options = [name for name in known if name not in own]
    for name in sensor.options:
        at = (*where, "options", name)
        if name in own and (name in known or name in ("bus", "address")):
            report.mistake(at, "this is no option", f"write {name} = … in the sensor's table itself")
        elif name not in known and not open_ended:
            report.mistake(at, f"a {sensor.driver} has no such option", _allowed(name, options))
    given = sensor.arguments()
    for name in needed:
        if name not in given and name not in ("bus", "address") and not report.touches((*where, name)):
            at, example = ((name,), f"{name} = …") if name in own else (("options",), f"options = {{ {name} = … }}")
            report.mistake((*where, *at), f"a {sensor.driver} needs {name}", f"add {example}")


def _allowed(name: str, options: list[str]) -> str:
    if meant := near(name, options):
        return f"did you mean `{meant}`?"
    return f"it knows: {', '.join(options)}" if options else "remove it: this driver has no options"


def _addressed(sensor: SensorConfig, driver: Any, report: Report, where: Where) -> SensorConfig:
    if sensor.address is None:
        return replace(sensor, address=driver.addresses[0])
    if sensor.address not in driver.addresses:
        can = " or ".join(f"0x{one:02x}" for one in driver.addresses)
        what = f"a {sensor.driver} cannot be at 0x{sensor.address:02x}"
        report.warning((*where, "address"), what, f"it answers at {can}; `limpet scan` shows what is there")
    return sensor


def _opened(sensor: SensorConfig, driver: Any, report: Report, where: Where) -> Any:
    """Return the chip, made without any I/O, or None after a report. Only the driver can check its options."""
    try:
        return catalog.open_chip(sensor.driver, None, sensor.address, **sensor.arguments())
    # Another package's driver may raise anything.
    except Exception as error:  # noqa: BLE001
        what = str(error) if isinstance(error, TypeError | ValueError) else f"the driver fails with {error!r}"
        words = re.findall(r"\w+", what)
        named = min((one for one in sensor.arguments() if one in words), key=words.index, default=None)
        at = (named,) if named in own_keys(driver) else ("options", named) if named else ("options",)
        declared = catalog.options(driver).get(named or "")
        cure = f"write {declared.allowed}" if declared else f"`limpet chips {sensor.driver}` explains its options"
        report.mistake((*where, *at), what.removesuffix(f"; {cure}"), cure)
        return None


def _not_allowed(sensor: SensorConfig, driver: Any, report: Report, where: Where, told: int) -> None:
    """Report options with values that the driver does not declare, but for the first `told` ones."""
    declared, own = catalog.options(driver), own_keys(driver)
    given = {name: one for name, one in sensor.arguments().items() if name in declared and one is not None}
    for name in [one for one, value in given.items() if not declared[one].allowed.holds(value)][told:]:
        at = (*where, *((name,) if name in own else ("options", name)))
        if not report.touches(at):
            report.mistake(at, f"{name} is {given[name]!r}", f"write {declared[name].allowed}")


def _timed(sensor: SensorConfig, chip: Any, raw: Mapping[str, Any], report: Report, where: Where) -> SensorConfig:
    """Check that the timeout fits the driver, and all attempts the interval. A default timeout is fitted to both."""
    if sensor.is_vote:
        return sensor
    takes = _takes(chip)
    if not sensor.explicit_timeout and sensor.worst_time > sensor.period:
        sensor = replace(sensor, timeout=min(sensor.timeout, max(_room(sensor), ROOM * (takes or 0.0), SHORT)))
    if sensor.explicit_timeout and takes is not None and sensor.timeout < takes:
        what = f"a reading of a {sensor.driver} can take {people(takes)}"
        report.warning((*where, "timeout"), what, f'write timeout = "{people(ROOM * takes)}" or remove it')
    if sensor.worst_time > sensor.period:
        what = (
            f"{sensor.retry.attempts} attempts of up to {people(sensor.timeout)} can take {sensor.worst_time:.3g} s, "
            f"but a {'round' if sensor.sample is None else 'sample'} is due every {people(sensor.period)}"
        )
        key = next((name for name in ("timeout", "sample", "every", "retry") if name in raw), "every")
        report.warning((*where, key), what, _shorter(sensor, takes))
    return sensor


def _takes(chip: Any) -> float | None:
    """Return the seconds that a reading takes at most, as the driver says; None if it says nothing."""
    classes = (chip if isinstance(chip, type) else type(chip)).__mro__
    says = "takes" in getattr(chip, "__dict__", ()) or any(
        "takes" in vars(one) and not one.__module__.startswith(f"{BASE}.") for one in classes
    )
    takes = getattr(chip, "takes", None) if says else None
    return takes if isinstance(takes, int | float) else None


def _shorter(sensor: SensorConfig, takes: float | None) -> str:
    room = _room(sensor)
    if room >= (takes or SHORT):
        return f'write timeout = "{people(room)}", or fewer attempts'
    fits = float(int(sensor.worst_time) + 1)
    cure = f'write every = "{people(fits)}" or more' if sensor.sample is None else seldom(sensor, fits)
    return f"{cure}, or retry = {{ attempts = 1 }}"


def _room(sensor: SensorConfig) -> float:
    """Return the seconds, in whole milliseconds, that one attempt may take if all are to fit into the interval."""
    waits = sensor.worst_time - sensor.retry.attempts * sensor.timeout
    return math.floor((sensor.period - waits) / sensor.retry.attempts * 1000) / 1000


@functools.lru_cache
def parameters(driver: Any) -> tuple[dict[str, inspect.Parameter], tuple[str, ...], bool]:
    """Return a constructor's named parameters, the required ones, and whether it has `**kwargs`."""
    all_of_them = inspect.signature(driver).parameters
    named = {name: one for name, one in all_of_them.items() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)}
    needed = tuple(name for name, one in named.items() if one.default is one.empty)
    return named, needed, any(one.kind is one.VAR_KEYWORD for one in all_of_them.values())


def _in_seconds(driver: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options with durations such as "20ms" as seconds, where the driver wants a float."""
    result = dict(options)
    for name, value in options.items():
        one = catalog.options(driver).get(name)
        if one and one.is_time and isinstance(value, str):
            duration = seconds(value)
            result[name] = value if duration is None else duration
    return result
