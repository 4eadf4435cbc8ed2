"""The sensors that kernel drivers own: on 1-Wire, in IIO and in hwmon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..bus import sysfs
from ..errors import PermanentError, TransientError
from . import ds18b20
from .dht import Dht
from .hwmon import Hwmon
from .iio import Iio
from .node import nodes, stable

# hwmon devices of the machine itself, for which there is the driver `host`.
OF_THE_MACHINE = ("cpu_thermal", "rpi_volt", "rp1_adc", "pwmfan", "nvme")
# The hwmon entry of a sensor on 1-Wire, which is listed as such.
OF_ONE_WIRE = "w1_slave_temp"


@dataclass(frozen=True, slots=True)
class Listed:
    """One sensor that a kernel driver owns.

    Attributes:
        driver: the name of the driver that reads it.
        device: its `device` in the configuration.
        quantities: names with units.
        note: why it cannot be used, or need not be; else empty.
    """

    driver: str
    device: str
    quantities: tuple[str, ...] = ()
    note: str = ""


def listing(root: str = "/") -> Iterator[Listed]:
    """Yield the sensors, with names that stay the same after a reboot. Reads small files; no sensor measures.

    Args:
        root: where the file system begins, for tests.
    """
    for entry in _entries(Path(root) / ds18b20.DEVICES):
        if entry.partition("-")[0] in ds18b20.FAMILIES:
            yield Listed("ds18b20", entry, ("temperature °C",))
    for name, device in _devices(Path(root) / Iio.devices, Iio.prefix):
        known = name.startswith("dht11")
        yield _described("dht" if known else "iio", (Dht if known else Iio)(device, root=root))
    for name, device in _devices(Path(root) / Hwmon.devices, Hwmon.prefix):
        if name in OF_THE_MACHINE:
            yield Listed("hwmon", device, (), "of the machine itself; see the driver `host`")
        elif name != OF_ONE_WIRE:
            yield _described("hwmon", Hwmon(device, root=root))


def _described(driver: str, sensor: Dht | Iio | Hwmon) -> Listed:
    device = str(sensor.device)
    try:
        sensor.setup()
    except (TransientError, PermanentError) as error:
        return Listed(driver, device, (), str(error))
    return Listed(driver, device, tuple(f"{one.name} {one.unit}".strip() for one in sensor.quantities))


def _devices(folder: Path, prefix: str) -> list[tuple[str, str]]:
    """Return each device's chip name, and its stable name for the configuration."""
    try:
        found = nodes(folder, prefix, "scan")
    except (TransientError, PermanentError):
        return []
    return [(one.name, stable(one, found)) for one in found]


def _entries(folder: Path) -> list[str]:
    try:
        return sysfs.entries(folder, "scan")
    except (TransientError, PermanentError):
        return []
