"""The machine itself: temperature, load, memory, disk, under-voltage, throttling.

Source: Linux, Documentation/ABI/testing/sysfs-class-thermal, proc(5); Raspberry Pi firmware: get_throttled bits 0
(under-voltage now) and 1..3 (frequency capped, throttled, soft temperature limit now); hwmon rpi_volt: in0_lcrit_alarm.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Annotated, ClassVar

from ..bus import sysfs
from ..chip import Among, Driver, Measurement, Quantity
from ..errors import InvalidReading, NotSupported

# None of them is noisy: the values of an idle machine need not move.
KNOWN = (
    Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.001, noisy=False),
    Quantity("load", "", None, 0.0, math.inf, 0.01, noisy=False),
    Quantity("memory", "%", None, 0.0, 100.0, 0.01, noisy=False),
    Quantity("disk", "%", None, 0.0, 100.0, 0.01, noisy=False),
    Quantity("under_voltage", "", "problem", 0, 1, 1e-9, noisy=False),
    Quantity("throttled", "", "problem", 0, 1, 1e-9, noisy=False),
)
USUAL = KNOWN[:4]


class Host(Driver):
    """This machine.

    Args:
        quantities: some of temperature, load (1 minute), memory and disk (% used), under_voltage and throttled (0 or 1,
            now); each of these must exist. By default all that this machine has, known after `setup`.
        disk: a path on the disk that counts.
        root: where the file system begins, for tests.
    """

    name = "host"
    bus_name: ClassVar[str] = "host"
    quantities: tuple[Quantity, ...] = USUAL
    usage: Callable[[str], os.statvfs_result] = staticmethod(os.statvfs)

    def __init__(
        self,
        *,
        quantities: Iterable[Annotated[str, Among(tuple(one.name for one in KNOWN))]] | None = None,
        disk: str = "/",
        root: str = "/",
    ) -> None:
        self.wanted = None if quantities is None else tuple(quantities)
        unknown = set(self.wanted or ()) - {q.name for q in KNOWN}
        if unknown or self.wanted == ():
            raise ValueError(f"quantities are {self.wanted}, not of {', '.join(q.name for q in KNOWN)}")
        self.disk, self.root = disk, Path(root)
        self.quantities = tuple(q for q in KNOWN if q.name in self.wanted) if self.wanted else USUAL
        self.files: dict[str, Path] = {}

    def configure(self) -> None:
        """Find out which quantities this machine has.

        Raises:
            NotSupported: a quantity that was asked for is not there.
        """
        self.files = {name: path for name, path in self._candidates() if path is not None}
        has = {*self.files, "disk"}
        missing = [name for name in self.wanted or () if name not in has]
        if missing:
            raise NotSupported(f"host: this machine has no {', '.join(missing)}; leave it out of `quantities`")
        self.quantities = tuple(q for q in KNOWN if q.name in (self.wanted or has))

    def measure(self) -> Measurement:
        """Return what this machine has: °C, load, %, flags.

        Raises:
            InvalidReading: a file does not say what it should. BusError: it cannot be read.
        """
        return {q.name: getattr(self, f"_{q.name}")() for q in self.quantities}

    def _candidates(self) -> list[tuple[str, Path | None]]:
        throttled = self._first("sys/devices/platform/soc*/soc*:firmware/get_throttled")
        alarm = next((n / "in0_lcrit_alarm" for n in self._named("sys/class/hwmon/hwmon*", "name", "rpi_volt")), None)
        zone = next(self._named("sys/class/thermal/thermal_zone*", "type", "cpu"), None)
        return [
            ("temperature", zone / "temp" if zone else self._first("sys/class/thermal/thermal_zone*/temp")),
            ("load", self._first("proc/loadavg")),
            ("memory", self._first("proc/meminfo")),
            ("under_voltage", throttled or alarm),
            ("throttled", throttled),
        ]

    def _first(self, pattern: str) -> Path | None:
        return min(self.root.glob(pattern), default=None)

    def _named(self, pattern: str, file: str, begins: str) -> Iterator[Path]:
        nodes = sorted(self.root.glob(pattern))
        return iter([n for n in nodes if sysfs.read_text(n / file, self.name).startswith(begins)])

    def _temperature(self) -> float:
        return celsius(sysfs.read_number(self.files["temperature"], self.name))

    def _load(self) -> float:
        text = sysfs.read_text(self.files["load"], self.name)
        try:
            return float(text.split()[0])
        except (IndexError, ValueError):
            raise InvalidReading(f"host: /proc/loadavg says {text[:40]!r}") from None

    def _memory(self) -> float:
        lines = sysfs.read_text(self.files["memory"], self.name).splitlines()
        kilobytes = {line.partition(":")[0]: line.split()[1] for line in lines if len(line.split()) > 1}
        try:
            return percent_used(int(kilobytes["MemTotal"]), int(kilobytes["MemAvailable"]))
        except (KeyError, ValueError, ZeroDivisionError):
            raise InvalidReading("host: /proc/meminfo has no MemTotal and MemAvailable") from None

    def _disk(self) -> float:
        try:
            disk = self.usage(self.disk)
        except OSError as error:
            raise sysfs.named(error, self.name, Path(self.disk)) from error
        return percent_used(
            disk.f_blocks - disk.f_bfree + disk.f_bavail,
            disk.f_bavail,
            # As df does: without root's reserve.
        )

    def _under_voltage(self) -> float:
        return self._flags() & 1 if "throttled" in self.files else self._alarm()

    def _throttled(self) -> float:
        return int(bool(self._flags() & 0b1110))

    def _alarm(self) -> int:
        return int(bool(sysfs.read_number(self.files["under_voltage"], self.name)))

    def _flags(self) -> int:
        text = sysfs.read_text(self.files["throttled"], self.name)
        try:
            return int(text, 16)
        except ValueError:
            raise InvalidReading(f"host: get_throttled says {text[:40]!r}") from None


def celsius(millidegrees: float) -> float:
    """Return °C from the kernel's millidegrees."""
    return millidegrees / 1000


def percent_used(total: int, free: int) -> float:
    """Return how many % of `total` are not free."""
    return 100.0 * (total - free) / total
