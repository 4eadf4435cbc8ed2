"""Checks of the I2C buses: there, open to us, not owned by the kernel, not too fast."""

from __future__ import annotations

from collections.abc import Iterator

from agent.config import SensorConfig
from drivers import catalog

from .checks import BROKEN, OK, SKIPPED, WARNING, Finding, Site
from .rights import device

FAST = 400_000  # Hz; what all chips of the catalog stand
SLOWER = {"mlx90614": 100_000}  # Hz; SMBus
ENABLE = "sudo raspi-config nonint do_i2c 0 && sudo reboot"
DESKTOP = "on a desktop: limpet run --simulate"
SPEED = "add dtparam=i2c_arm_baudrate={hertz} to /boot/firmware/config.txt, then: sudo reboot"


def i2c(site: Site) -> Iterator[Finding]:
    """Every bus that the configuration names; without one, the first."""
    buses = sorted({sensor.bus for sensor in chips(site)}, key=str)
    if site.settings is not None and not buses:
        yield Finding("i2c", SKIPPED, "no sensor on I2C is configured")
        return
    for bus in buses or [1]:
        yield _named(site, bus) if isinstance(bus, str) else _bus(site, bus, needed=bool(buses))


def _named(site: Site, bus: str) -> Finding:
    """Check a bus that the configuration calls by its path or its adapter's name, which do not move at a reboot."""
    if bus.startswith("/"):
        if site.path(bus).exists():
            return device(site, "i2c", bus, "i2c")
        return Finding("i2c", BROKEN, f"there is no {bus}", "plug the adapter in; `i2cdetect -l` lists those that are")
    adapters = {one.parent.name: one.read_text().strip() for one in site.path("/sys/class/i2c-dev").glob("i2c-*/name")}
    for node, name in sorted(adapters.items()):
        if bus in (name, name.split(" at ")[0]):
            return device(site, "i2c", f"/dev/{node}", "i2c")
    there = ", ".join(sorted(adapters.values())) or "none"
    return Finding("i2c", BROKEN, f"no adapter is called {bus!r}; there: {there}", "i2cdetect -l")


def _bus(site: Site, number: int, *, needed: bool) -> Finding:
    node = site.path(f"/dev/i2c-{number}")
    if node.exists():
        return device(site, "i2c", f"/dev/i2c-{number}", "i2c")
    level = BROKEN if needed else WARNING
    if site.path(f"/sys/bus/i2c/devices/i2c-{number}").exists():
        return Finding("i2c", level, f"i2c-{number} is on, but has no /dev/i2c-{number}", "sudo modprobe i2c-dev")
    if number == 1:
        return Finding("i2c", level, "there is no /dev/i2c-1: I2C is off", ENABLE if site.raspberry else DESKTOP)
    cure = f"echo dtoverlay=i2c{number} | sudo tee -a /boot/firmware/config.txt && sudo reboot"
    return Finding("i2c", level, f"there is no /dev/i2c-{number}", cure)


def owners(site: Site) -> Iterator[Finding]:
    """An address that a kernel driver has taken cannot be read by anybody else."""
    for sensor in chips(site):
        if sensor.mux is not None or sensor.address is None:
            continue
        client = f"{sensor.bus}-{sensor.address:04x}"
        driver = site.path(f"/sys/bus/i2c/devices/{client}/driver")
        if driver.is_symlink():
            name = driver.readlink().name
            text = f"{sensor.id}: the kernel driver {name} owns 0x{sensor.address:02x} on i2c-{sensor.bus}"
            cure = f"echo {client} | sudo tee /sys/bus/i2c/drivers/{name}/unbind (for good: remove its dtoverlay)"
            yield Finding("i2c owner", BROKEN, text, cure)


def speed(site: Site) -> Iterator[Finding]:
    """The clock of each bus, against the slowest chip on it."""
    for number in sorted({sensor.bus for sensor in chips(site)} or {1}):
        try:
            cells = site.path(f"/sys/class/i2c-adapter/i2c-{number}/of_node/clock-frequency").read_bytes()
        except OSError:
            continue  # not told by this adapter
        hertz = int.from_bytes(cells[:4], "big")
        names = {sensor.driver for sensor in chips(site) if sensor.bus == number}
        limit = min((SLOWER.get(name, FAST) for name in names), default=FAST)
        text = f"i2c-{number} runs at {hertz // 1000} kHz"
        if hertz > limit:
            slow = ", ".join(sorted(names & SLOWER.keys())) or "the chips"
            yield Finding("i2c speed", WARNING, f"{text}; {slow} stand {limit // 1000}", SPEED.format(hertz=limit))
        else:
            yield Finding("i2c speed", OK, text)


def chips(site: Site) -> list[SensorConfig]:
    """Return the configured sensors on I2C."""
    sensors = site.settings.sensors if site.settings is not None else ()
    return [sensor for sensor in sensors if catalog.find(sensor.driver).addresses]
