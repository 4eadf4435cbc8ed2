"""DS18B20 and its family on 1-Wire, through the kernel's w1_therm.

Sources: Maxim data sheets "DS18B20" (19-7487), "DS18S20" and "MAX31850" (19-6725), scratchpad and power-on value;
Linux, Documentation/w1/slaves/w1_therm.rst and drivers/w1/slaves/w1_therm.c. Reading a sensor's file starts a
conversion and takes up to 750 ms; a failed one is an empty file, not an errno.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, ClassVar

from ..bus import sysfs
from ..chip import Driver, Matching, Quantity, Reading
from ..errors import AdapterGone, ChecksumError, InvalidReading, NoAcknowledge, PermanentError
from .node import folder
from .together import BULK, Conversions

# Both a DS1825 and a MAX31850 are of the latter family; only the MAX31850 reads a thermocouple.
DS18S20, THERMOCOUPLES = "10", "3b"
# "22" is the DS1822, "28" the DS18B20, "42" the DS28EA00.
FAMILIES = (DS18S20, "22", "28", THERMOCOUPLES, "42")
DEVICES = "sys/bus/w1/devices"
FRAME = re.compile(r"^((?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (YES|NO)\s.*\bt=(-?\d+)$", re.DOTALL)
# Seconds for 9 bytes and their addressing at 16 kbit/s.
SCRATCHPAD = 0.02
CURE = "add `dtoverlay=w1-gpio` to /boot/firmware/config.txt and reboot"
FAULTS = {1: "open", 2: "shorted to ground", 4: "shorted to VDD"}  # of a thermocouple


class Ds18b20(Driver):
    """One sensor of the DS18B20 family.

    Sensors on one bus are converted together if the kernel supports it.

    Args:
        device: its id, `28-0000075a1b2c`; required if there are several.
        path: instead, its folder or its `w1_slave` file.
        root: where the file system begins, for tests.
    """

    name = "ds18b20"
    bus_name: ClassVar[str] = "w1"
    either = (("device", "path"),)
    takes = 2.0
    # A conversion of 12 bits, for which the kernel holds the bus, and reading the scratchpad.
    holds = 0.8
    quantities: tuple[Quantity, ...] = (
        Quantity("temperature", "°C", "temperature", -55.0, 125.0, 0.0625, accuracy=0.5),
    )
    thermocouple: ClassVar[Quantity] = Quantity("temperature", "°C", "temperature", -270.0, 1768.0, 0.25, accuracy=2.0)
    conversions: ClassVar[Conversions] = Conversions()

    def __init__(
        self,
        device: Annotated[str, Matching(rf"(?:{'|'.join(FAMILIES)})-[0-9a-f]{{12}}", "an id such as 28-0000075a1b2c")]
        | None = None,
        *,
        path: str | os.PathLike[str] | None = None,
        root: str = "/",
    ) -> None:
        if device is not None and not re.fullmatch(rf"({'|'.join(FAMILIES)})-[0-9a-f]{{12}}", device):
            raise ValueError(
                f"device is {device!r}, not an id such as 28-0000075a1b2c (families {', '.join(FAMILIES)})"
            )
        if device is not None and path is not None:
            raise ValueError("say either device or path")
        self.device, self.path = device, None if path is None else folder(path)
        self.devices = Path(root) / DEVICES
        # Set by `identify`.
        self.file = Path()
        if device is not None and device.startswith(THERMOCOUPLES):
            self.quantities = (self.thermocouple,)

    @classmethod
    def busy(cls, sensors: int) -> float:
        """Return the seconds for which a round holds the bus; sensors convert together if the kernel supports it."""
        together = sensors > 1 and any(Path("/", DEVICES).glob(f"w1_bus_master*/{BULK}"))
        return cls.holds + sensors * SCRATCHPAD if together else sensors * cls.holds

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

    def measure(self) -> Reading:
        """Return temperature in °C.

        Raises:
            NoAcknowledge: the kernel could not read the sensor. ChecksumError: the frame arrived damaged.
            InvalidReading: the sensor never converted, had no power for it, or the bus lacks its pull-up.
        """
        yield from self.conversions.begin(self.file.parent)
        text = sysfs.read_text(self.file, self.name)
        if not text:
            raise NoAcknowledge(f"ds18b20: {self.file} is empty: the sensor did not answer; check wiring and pull-up")
        match = FRAME.match(text)
        if not match:
            raise InvalidReading(f"ds18b20: {self.file} says {text[:80]!r}, which is no frame")
        frame = bytes.fromhex(match[1])
        if match[2] != "YES":
            raise ChecksumError(f"ds18b20: the frame arrived damaged: {frame.hex(' ')}; shorten or shield the cable")
        family = self.file.parent.name.partition("-")[0]
        refuse(frame, family)
        if family == THERMOCOUPLES and is_thermocouple(frame):
            self.quantities = (self.thermocouple,)
            return {"temperature": thermocouple_celsius(frame)}
        self.quantities = type(self).quantities
        return {"temperature": celsius(int(match[3]))}


def refuse(frame: bytes, family: str = "28") -> None:
    """Refuse a scratchpad that arrived intact, but is no measurement.

    Raises:
        InvalidReading: the message says why.
    """
    if not any(frame):
        raise InvalidReading("ds18b20: all bytes are zero: the bus has no pull-up, or is shorted to ground")
    if frame[:8] == b"\xff" * 8:
        raise InvalidReading("ds18b20: all bytes are ff: no device drives the bus")
    # Byte 6 is 0x10 - (raw & 15) after a conversion. In a DS18S20 it is the rest of a degree, so a true
    # 85.0 °C looks like the power-on value and is refused, too.
    powered_on = b"\xaa\x00" if family == DS18S20 else b"\x50\x05"
    if frame[:2] == powered_on and frame[6] == 0x0C:
        raise InvalidReading("ds18b20: 85 °C is the power-on value: the sensor lost power and never converted")
    if frame[:2] == b"\xff\x07" and frame[6] == 0x0C:
        raise InvalidReading("ds18b20: 127.94 °C: the sensor had no power during the conversion; wire VDD to 3.3 V")


def is_thermocouple(frame: bytes) -> bool:
    """Return whether the scratchpad is a MAX31850's: the upper bits of its configuration are 1 (a DS1825's are not)."""
    return frame[4] & 0xF0 == 0xF0


def thermocouple_celsius(frame: bytes) -> float:
    """Return °C from the scratchpad of a MAX31850: 14 bits of a quarter degree above two bits, of which one is a fault.

    Newer kernels take it for another chip of 14 bits, and their own number is wrong.

    Raises:
        InvalidReading: the thermocouple is open or shorted.
    """
    if frame[0] & 0x01:
        faults = [text for bit, text in FAULTS.items() if frame[2] & bit]
        raise InvalidReading(f"ds18b20: the thermocouple is {' and '.join(faults) or 'faulty'}")
    return int.from_bytes([frame[0] & 0xFC, frame[1]], "little", signed=True) / 16


def celsius(millidegrees: int) -> float:
    """Return °C from the kernel's millidegrees, which it derives by the rules of each family."""
    return millidegrees / 1000
