"""DS18B20 and its family on 1-Wire, through the kernel's w1_therm.

Source: Maxim "DS18B20" data sheet 19-7487, scratchpad and power-on value; Linux, Documentation/w1/slaves/w1_therm.rst.
Reading the file starts a conversion and takes up to 750 ms; a failed one is an empty file, not an errno.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import ClassVar

from ..bus import sysfs
from ..chip import Driver, Measurement, Quantity
from ..errors import AdapterGone, ChecksumError, InvalidReading, NoAcknowledge, PermanentError
from .node import folder

FAMILIES = ("10", "22", "28", "3b", "42")  # DS18S20, DS1822, DS18B20, DS1825, DS28EA00
DEVICES = "sys/bus/w1/devices"
FRAME = re.compile(r"^((?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (YES|NO)\s.*\bt=(-?\d+)$", re.DOTALL)
CURE = "add `dtoverlay=w1-gpio` to /boot/firmware/config.txt and reboot"


class Ds18b20(Driver):
    """One sensor of the DS18B20 family.

    Args:
        device: its id, `28-0000075a1b2c`; needed when several are there.
        path: instead, its folder or its `w1_slave` file.
        root: where the file system begins, for tests.
    """

    name = "ds18b20"
    bus_name: ClassVar[str] = "w1"
    takes = 2.0
    quantities = (Quantity("temperature", "°C", "temperature", -55.0, 125.0, 0.0625),)

    def __init__(
        self, device: str | None = None, *, path: str | os.PathLike[str] | None = None, root: str = "/"
    ) -> None:
        if device is not None and not re.fullmatch(rf"({'|'.join(FAMILIES)})-[0-9a-f]{{12}}", device):
            raise ValueError(
                f"device is {device!r}, not an id such as 28-0000075a1b2c (families {', '.join(FAMILIES)})"
            )
        if device is not None and path is not None:
            raise ValueError("say either device or path")
        self.device, self.path = device, None if path is None else folder(path)
        self.devices = Path(root) / DEVICES
        self.file = Path()  # what `identify` found

    def identify(self) -> None:
        """Find the sensor's file.

        Raises:
            AdapterGone: there is no 1-Wire bus. NoAcknowledge: no such sensor on it; the message names those that are.
            PermanentError: no id was given, and there are several.
        """
        if self.path:
            inside = self.path / "w1_slave"
            is_there = sysfs.exists(inside, self.name)
            if not is_there and self.path.is_dir():
                raise NoAcknowledge(f"ds18b20: {inside} is missing: the sensor is gone; check power and wiring")
            self.file = inside if is_there else self.path
            return
        if not sysfs.exists(self.devices, self.name):
            raise AdapterGone(f"ds18b20: no {self.devices}: no 1-Wire bus; {CURE}")
        there = [entry for entry in sysfs.entries(self.devices, self.name) if entry.partition("-")[0] in FAMILIES]
        if self.device is None and len(there) > 1:
            raise PermanentError(f"ds18b20: which one? write `device =` one of {', '.join(there)}")
        if not there or self.device not in (None, *there):
            raise NoAcknowledge(
                f"ds18b20: {self.device or 'no sensor'} is not on the bus; there: {', '.join(there) or 'none'}; "
                "check power, wiring and the 4.7 kΩ pull-up"
            )
        self.file = self.devices / (self.device or there[0]) / "w1_slave"

    def measure(self) -> Measurement:
        """Return temperature in °C.

        Raises:
            NoAcknowledge: the kernel could not read the sensor. ChecksumError: the frame arrived damaged.
            InvalidReading: the sensor never converted, had no power for it, or the bus lacks its pull-up.
        """
        text = sysfs.read_text(self.file, self.name)
        if not text:
            raise NoAcknowledge(f"ds18b20: {self.file} is empty: the sensor did not answer; check wiring and pull-up")
        match = FRAME.match(text)
        if not match:
            raise InvalidReading(f"ds18b20: {self.file} says {text[:80]!r}, which is no frame")
        frame = bytes.fromhex(match[1])
        if match[2] != "YES":
            raise ChecksumError(f"ds18b20: the frame arrived damaged: {frame.hex(' ')}; shorten or shield the cable")
        refuse(frame)
        return {"temperature": celsius(int(match[3]))}


def refuse(frame: bytes) -> None:
    """Refuse a scratchpad that is whole, but no measurement.

    Raises:
        InvalidReading: says why.
    """
    if not any(frame):
        raise InvalidReading("ds18b20: all bytes are zero: the bus has no pull-up, or is shorted to ground")
    if frame[:8] == b"\xff" * 8:
        raise InvalidReading("ds18b20: all bytes are ff: no device drives the bus")
    if frame[:2] == b"\x50\x05" and frame[6] == 0x0C:  # byte 6 is 0x10 - (raw & 15) after a conversion
        raise InvalidReading("ds18b20: 85 °C is the power-on value: the sensor lost power and never converted")
    if frame[:2] == b"\xff\x07" and frame[6] == 0x0C:
        raise InvalidReading("ds18b20: 127.94 °C: the sensor had no power during the conversion; wire VDD to 3.3 V")


def celsius(millidegrees: int) -> float:
    """Return °C from the kernel's millidegrees, which it derives by the rules of each family."""
    return millidegrees / 1000
