"""Checks across tables: names used twice, fallbacks to unknown sensors, pins with two users."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .broker_checks import check_broker
from .bus_load import loads
from .devices import SensorConfig
from .kinds import people
from .machine import serial
from .mistakes import Report, Where, near
from .port_checks import check_ports
from .reading import read_table, read_tables
from .tables import Config, OutboxConfig
from .upgrade import current
from .value_checks import check_due, seldom
from .vote_checks import check_votes
from .wiring import Fitted, fit

DEVICES = Path("/dev")
# Bytes: about a minute of batches at one per second.
FEW = 64_000


def checked(raw: dict[str, Any], file: Path, report: Report, today: date | None = None) -> Config:
    """Return the configuration in `raw` and report all mistakes. It may be used only if there are none.

    Args:
        today: warn of calibrations that were due before; None: of none.
    """
    config = read_table(Config, {name: value for name, value in raw.items() if name != "sensor"}, report)
    defaults = config.defaults
    base = SensorConfig(id="", driver="", every=config.agent.every, retry=defaults.retry, breaker=defaults.breaker)
    sensors = read_tables(SensorConfig, raw.get("sensor", []), report, ("sensor",), base)
    config = _paths(config, file.parent)
    if config.mqtt.tls and "port" not in raw["mqtt"]:
        config = replace(config, mqtt=replace(config.mqtt, port=8883))
    _version(config, report)
    _one_image(raw, report)
    check_broker(config, raw.get("mqtt", {}), report, os.environ)
    _outbox(config.outbox, report)
    _web(config, report)
    _buses(config, report)
    if not raw.get("sensor"):
        report.warning(
            ("sensor",), "there is no sensor", "add a [[sensor]]; `limpet scan --toml` prints those that it finds"
        )
    _unique(sensors, report)
    _one_name_for_a_bus(sensors, report)
    fitted = [fit(one, raw["sensor"][number], report, ("sensor", number)) for number, one in enumerate(sensors)]
    fitted = check_votes(fitted, raw.get("sensor", ()), report)
    config = replace(config, sensors=tuple(one.sensor for one in fitted))
    if today is not None:
        check_due(config.sensors, today, report)
    _fallbacks(fitted, report)
    _addresses(fitted, report)
    _pins(config, fitted, report)
    _pin_backend(fitted, report, os.environ)
    if not any(report.touches((*one.where, "driver")) for one in fitted):
        check_ports([one for one in fitted if one.sensor.driver], report)
        _loads(fitted, report)
    return config


def _version(config: Config, report: Report) -> None:
    """Refuse a file that a later Limpet wrote: its keys may mean something else."""
    if config.config_version > current():
        what = f"this file is of version {config.config_version}, and this Limpet knows {current()} at most"
        report.mistake(("config_version",), what, "upgrade Limpet, or write the file for the version you have")


def _one_image(raw: Mapping[str, Any], report: Report) -> None:
    """Warn where the serial number is wanted, and what stands in for it is copied with a card."""
    for table, name in (("agent", "device_id"), ("mqtt", "username"), ("mqtt", "client_id")):
        value = raw.get(table, {}).get(name) if isinstance(raw.get(table, {}), dict) else None
        if isinstance(value, str) and "{serial}" in value and not report.touches((table, name)) and serial() is None:
            what = "this machine has no serial number: its machine-id stands in, which copies of a card share"
            fix = "run `systemd-machine-id-setup` on each after emptying /etc/machine-id; a Raspberry Pi has a number"
            report.warning((table, name), what, fix)


def _paths(config: Config, folder: Path) -> Config:
    """Return the configuration with relative paths taken as relative to `folder`."""

    def whole(path: Path | None) -> Path | None:
        return path and folder / path

    agent, mqtt, tls = config.agent, config.mqtt, config.mqtt.tls
    if tls:
        tls = replace(
            tls,
            ca_file=whole(tls.ca_file),
            cert_file=whole(tls.cert_file),
            key_file=whole(tls.key_file),
            key_password_file=whole(tls.key_password_file),
        )
    mqtt = replace(mqtt, password_file=whole(mqtt.password_file), tls=tls)
    return replace(config, agent=replace(agent, state_dir=whole(agent.state_dir)), mqtt=mqtt)


def _outbox(outbox: OutboxConfig, report: Report) -> None:
    if outbox.max_size < FEW:
        what = f"{outbox.max_size} bytes hold few batches"
        fix = 'write max_size = "64kB" or more; `limpet plan` shows how long an outage fits into it'
        report.warning(("outbox", "max_size"), what, fix)


def _web(config: Config, report: Report) -> None:
    if config.web.listen and find_spec("h11") is None:
        what = "the status page needs the package h11, which is not installed here"
        report.warning(("web", "listen"), what, f"{sys.executable} -m pip install h11")


def _buses(config: Config, report: Report) -> None:
    needs = {"pulses": ("scl", "sda"), "power": ("power",)}
    seen: set[str] = set()
    for number, bus in enumerate(config.buses):
        where = ("bus", number)
        if bus.name in seen:
            report.mistake((*where, "name"), f"{bus.name} is there twice", "keep one [[bus]] for each bus")
        seen.add(bus.name)
        for pin in needs.get(bus.recovery, ()):
            if getattr(bus, pin) is None and not report.touches((*where, pin)):
                what = f'"{bus.recovery}" needs the pin {pin}'
                report.mistake((*where, "recovery"), what, f"add {pin} = …, its BCM number")


def _unique(sensors: Sequence[SensorConfig], report: Report) -> None:
    seen: set[str] = set()
    for number, sensor in enumerate(sensors):
        if sensor.id and sensor.id in seen:
            fix = "give each sensor an id of its own"
            report.mistake(("sensor", number, "id"), f'"{sensor.id}" is the id of another sensor', fix)
        seen.add(sensor.id)


def _one_name_for_a_bus(sensors: Sequence[SensorConfig], report: Report) -> None:
    """Report a bus that has two names: it would get two threads, which disturb each other."""
    numbers = {f"/dev/i2c-{one.bus}": one.bus for one in sensors if isinstance(one.bus, int)}
    for number, sensor in enumerate(sensors):
        if sensor.bus in numbers:
            what = f"{sensor.bus} is bus {numbers[sensor.bus]} of another sensor"
            report.mistake(("sensor", number, "bus"), what, "write it the same way everywhere")


def _fallbacks(fitted: Sequence[Fitted], report: Report) -> None:
    by_id = {one.sensor.id: one for one in fitted}
    for one in fitted:
        sensor, where = one.sensor, (*one.where, "fallback")
        if sensor.fallback == "last" and sensor.max_age < sensor.every:
            what = "the last value is never younger than `every`, so max_age leaves nothing of it"
            report.warning((*one.where, "max_age"), what, "write a max_age of several times `every`")
        target = sensor.fallback_sensor
        if target is None:
            continue
        if target == sensor.id:
            report.mistake(where, "a sensor cannot step in for itself", "name another sensor, or write none or last")
        elif target not in by_id:
            meant = near(target, [name for name in by_id if name and name != sensor.id])
            fix = f'did you mean "sensor:{meant}"?' if meant else "name the id of another sensor"
            report.mistake(where, f'there is no sensor "{target}"', fix)
        elif sensor.id == min(circle := _circle(sensor, by_id), default=None):
            path = " -> ".join([*circle, sensor.id])
            report.mistake(where, f"the fallbacks lead in a circle: {path}", "let one of them have fallback = none")
        elif (mine := one.quantities) and (theirs := by_id[target].quantities) and not set(mine) & set(theirs):
            what = f"{target} measures {', '.join(theirs)}: nothing that {sensor.id} does"
            report.warning(where, what, f"name a sensor that measures {' or '.join(mine)}")


def _circle(sensor: SensorConfig, by_id: dict[str, Fitted]) -> list[str]:
    """Return the ids on the chain of fallbacks from `sensor` back to itself; empty if it is no cycle."""
    way, at = [sensor.id], sensor.fallback_sensor
    while at in by_id and at not in way:
        way.append(at)
        at = by_id[at].sensor.fallback_sensor
    return way if at == sensor.id else []


def _addresses(fitted: Sequence[Fitted], report: Report) -> None:
    """Report two chips that answer at the same address, with or without multiplexers."""
    taken: dict[tuple[int | str, int], list[SensorConfig]] = {}
    muxes = {(one.sensor.bus, one.sensor.mux.address): one.sensor for one in fitted if one.sensor.mux}
    for one in fitted:
        sensor, where = one.sensor, (*one.where, "address")
        if sensor.address is None:
            continue
        place = f"0x{sensor.address:02x} on {sensor.bus_name}"
        here = taken.setdefault((sensor.bus, sensor.address), [])
        for other in here:
            if sensor.mux == other.mux or not (sensor.mux and other.mux):
                fix = "give one of them another address, or put it behind another channel of a multiplexer"
                report.mistake(where, f'{place} is where "{other.id}" is', fix)
                break
        here.append(sensor)
        if behind := muxes.get((sensor.bus, sensor.address)):
            report.mistake(where, f'{place} is the multiplexer of "{behind.id}"', "give one of them another address")


def _pins(config: Config, fitted: Sequence[Fitted], report: Report) -> None:
    """Report pins with more than one user."""
    users: dict[int, str] = {}
    for pin, user, where in (*_bus_pins(config), *(use for one in fitted for use in one.pins())):
        if pin in users:
            report.mistake(where, f"pin {pin} is taken by {users[pin]}", "give each its own pin")
        elif pin > 27:
            fix = "write the BCM number, not the place on the header: `pinout` shows both"
            report.warning(where, f"GPIO{pin} is not on the 40-pin header", fix)
        elif (
            pin in (2, 3) and user.startswith("sensor") and any(s.sensor.address and s.sensor.bus == 1 for s in fitted)
        ):
            report.warning(where, f"GPIO{pin} is a wire of i2c-1, which has sensors on it", "use another pin")
        users.setdefault(pin, user)
    devices: dict[tuple[object, ...], str] = {}
    for one in fitted:
        name = (one.sensor.driver, one.sensor.device, str(one.sensor.options.get("channel")))
        if one.sensor.device and name in devices:
            what = f'{one.sensor.device} is read by "{devices[name]}" already'
            report.mistake((*one.where, "device"), what, "keep one of the two sensors")
        devices.setdefault(name, one.sensor.id)


def _loads(fitted: Sequence[Fitted], report: Report) -> None:
    """Warn of a bus whose sensors need more than its time."""
    where = {one.sensor.id: one.where for one in fitted}
    for load in loads(one.sensor for one in fitted if one.sensor.driver):
        if load.fits:
            continue
        longest = float(math.ceil(load.share * load.interval))
        often = min(load.sensors, key=lambda one: one.period)
        name = "every" if often.sample is None else "sample"
        if len(load.sensors) == 1:
            what = f"a reading holds {load.bus} for {load.busy:.3g} s, but is due every {people(load.interval)}"
            fix = f'write every = "{people(longest)}" or more' if name == "every" else seldom(often, longest)
            report.warning((*where[often.id], name), what, fix)
            continue
        what = (
            f"the {len(load.sensors)} sensors on {load.bus} hold it for {load.busy:.3g} s, "
            f"but are due every {people(load.interval)}: some of them will be missing in every round"
        )
        fix = f'write {name} = "{people(longest)}" or more for them, or spread them over several buses'
        report.warning((*where[often.id], name), what, fix)


def _pin_backend(fitted: Sequence[Fitted], report: Report, environ: Mapping[str, str]) -> None:
    """Warn if a sensor needs a pin, and the machine has pins, but no backend for them is installed."""
    if not any(DEVICES.glob("gpiochip*")) or environ.get("GPIOZERO_PIN_FACTORY") or find_spec("lgpio") is not None:
        return
    on_pins = [one for one in fitted if any(one.pins())]
    for one in on_pins[:1]:
        what = "pins cannot be read: lgpio is not installed for this Python"
        fix = f"sudo apt install python3-lgpio, then install.sh again; or {sys.executable} -m pip install lgpio"
        report.warning((*one.where, "driver"), what, fix)


def _bus_pins(config: Config) -> Iterator[tuple[int, str, Where]]:
    for number, bus in enumerate(config.buses):
        for name in ("scl", "sda", "power"):
            pin = getattr(bus, name)
            if pin is not None:
                yield pin, f"{name} of bus {bus.name}", ("bus", number, name)
