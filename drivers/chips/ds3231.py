"""Maxim DS3231: the temperature of the clock's crystal on I2C.

Source: Maxim Integrated data sheet "DS3231 Extremely Accurate I2C-Integrated RTC/TCXO/Crystal" (19-5170), sections on
the control and status registers and the temperature registers.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading
from ..errors import InvalidReading, NotReady, WrongChip
from ..registers import Field

CONTROL = b"\x0e"  # then: status, aging, temperature (two bytes)
CONVERT, BUSY = 0x20, 0x04  # of the control; of the status
UNUSED_STATUS, UNUSED_TEMPERATURE = 0x70, 0x3F  # bits that are 0
QUARTERS = Field(15, 6, is_signed=True)
CONVERTING_TAKES = 0.22  # at most 200 ms, and a slow oscillator
POLLS, AGAIN = 4, 0.03
TIME = ((0xFF, 59), (0xFF, 59), (0x9F, 19), (0xFF, 7), (0xFF, 31), (0x7F, 12))  # bits, greatest: seconds to months


class Ds3231(I2cChip):
    """One DS3231. It measures by itself every 64 s; here it is asked to, so that a value is of now.

    Neither its time nor its alarms are touched, nor needed: that its oscillator stopped does not speak against its
    temperature. It has no identity register, and no configuration that could be lost.
    """

    name = "ds3231"
    addresses = (0x68,)
    probes = (Probe(b"\x00", 19, lambda registers: is_clock(registers)),)  # noqa: PLW0108 - it stands below
    quantities = (Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.25),)

    def identify(self) -> None:
        """Look at what nothing else here shows: a time and a date, and unused bits that are 0.

        Raises:
            WrongChip: something else answers, perhaps an MPU6050 or a DS1307.
        """
        found = self.write_read(b"\x00", 19)
        if not is_clock(found):
            expected = "a time, a date, and unused bits that are 0"
            raise WrongChip(self.name, self.address, expected=expected, found=found.hex(" "))

    def measure(self) -> Reading:
        """Return temperature in °C.

        Raises:
            NotReady: the conversion does not end. InvalidReading: unused bits are set. ChecksumError: two reads differ.
        """
        control, status = crc.agreed(self.write_read(CONTROL, 2), self.write_read(CONTROL, 2))
        if not status & BUSY and not control & CONVERT:  # else it converts already
            self.write(CONTROL + bytes([control | CONVERT]))
        yield CONVERTING_TAKES
        for _ in range(POLLS):
            frame = self.write_read(CONTROL, 5)
            if not frame[0] & CONVERT and not frame[1] & BUSY:
                break
            yield AGAIN
        if (
            frame[1] & BUSY
        ):  # not busy, but CONV still set: a kin that ignores it; its own last value is of the last 64 s
            raise NotReady(f"{self.name}: the conversion does not end, registers {frame.hex(' ')}")
        crc.agreed(frame, self.write_read(CONTROL, 5))
        if not frame[0] & ~CONVERT and not any(frame[1:]):
            raise InvalidReading(f"{self.name}: all registers are 0; a line is shorted, or it is another chip")
        if frame[1] & UNUSED_STATUS or frame[4] & UNUSED_TEMPERATURE:
            raise InvalidReading(f"{self.name}: unused bits are set in {frame.hex(' ')}; the line floats")
        return {"temperature": celsius(QUARTERS.of(int.from_bytes(frame[3:], "big")))}


def is_clock(registers: bytes) -> bool:
    """Say whether the first 19 registers show a time, a date, and unused bits that are 0."""
    unused = registers[0x0F] & UNUSED_STATUS or registers[0x12] & UNUSED_TEMPERATURE
    plausible = (is_decimal(byte & mask, most) for byte, (mask, most) in zip(registers, TIME, strict=False))
    return any(registers[0x0E:]) and not unused and all(plausible)


def is_decimal(byte: int, greatest: int) -> bool:
    """Say whether a byte is two decimal digits, at most `greatest`."""
    return byte & 15 <= 9 and 10 * (byte >> 4) + (byte & 15) <= greatest


def celsius(quarters: int) -> float:
    """Return °C from the signed ten bits of both temperature registers, read in one burst."""
    return quarters / 4
