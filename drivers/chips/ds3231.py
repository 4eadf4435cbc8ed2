"""Maxim DS3231: the temperature of the clock's crystal on I2C.

Source: Maxim Integrated data sheet "DS3231 Extremely Accurate I2C-Integrated RTC/TCXO/Crystal" (19-5170), sections on
the control and status registers and the temperature registers.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Quantity, Question, Reading
from ..errors import InvalidReading, NotReady, WrongChip
from ..registers import Field, Register

# Seconds to months, alarms, control, status, aging, temperature.
ALL = Register(0x00, 19)
CONTROL, TEMPERATURE = Register(0x0E), Register(0x11, 2)
# From the control to the temperature in one burst.
BURST = 5
CONVERT, BUSY = 0x20, 0x04
# Bits of the status and of the temperature that are 0.
UNUSED_STATUS, UNUSED_TEMPERATURE = 0x70, 0x3F
QUARTERS = Field(15, 6, is_signed=True)
# At most 200 ms, and a slow oscillator.
CONVERTING_TAKES = 0.22
POLLS, AGAIN = 4, 0.03
# The bits that count, and the greatest number in them: seconds to months.
TIME = ((0xFF, 59), (0xFF, 59), (0x9F, 19), (0xFF, 7), (0xFF, 31), (0x7F, 12))


# How many of these are right in a clock that was known before: a command that arrived damaged may have spoilt some,
# which is no reason to lose its temperature for good.
PLAUSIBLE = 4


class Ds3231(I2cChip):
    """One DS3231. It measures by itself every 64 s; here it is asked to, so that a value is of now.

    Neither its time nor its alarms are touched, nor needed: that its oscillator stopped does not speak against its
    temperature. It has no identity register, and no configuration that could be lost.
    """

    name = "ds3231"
    addresses = (0x68,)
    takes = 0.25
    questions = (Question(b"\x00", 19, lambda registers: is_clock(registers)),)  # noqa: PLW0108 - it stands below
    quantities = (Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.25, noisy=False, accuracy=3.0),)

    was_clock = False

    def identify(self) -> None:
        """Look at what nothing else here shows: a time and a date, and unused bits that are 0.

        Raises:
            WrongChip: something else answers, perhaps an MPU6050 or a DS1307.
        """
        found = self.write_read(bytes([ALL.address]), ALL.size)
        if not is_clock(found, at_least=PLAUSIBLE if self.was_clock else len(TIME)):
            expected = "a time, a date, and unused bits that are 0"
            raise WrongChip(self.name, self.address, expected=expected, found=found.hex(" "))
        self.was_clock = True

    def measure(self) -> Reading:
        """Return temperature in °C.

        Raises:
            NotReady: the conversion does not end. InvalidReading: unused bits are set. ChecksumError: two reads differ.
        """
        control, status = crc.agreed(self.burst(2), self.burst(2))
        # Else it converts already.
        if not status & BUSY and not control & CONVERT:
            # Read back: a damaged bit would stay, and stop the clock or change its alarms.
            self.command(CONTROL, control | CONVERT, lambda found: found | CONVERT == control | CONVERT)
        yield CONVERTING_TAKES
        for _ in range(POLLS):
            frame = self.burst(BURST)
            if not frame[0] & CONVERT and not frame[1] & BUSY:
                break
            yield AGAIN
        # Not busy, but CONV still set: a kin that ignores it. Its own last value is of the last 64 s.
        if frame[1] & BUSY:
            raise NotReady(f"{self.name}: the conversion does not end, registers {frame.hex(' ')}")
        # A shorter read: where the line goes dead within a message, the two differ.
        again = self.write_read(bytes([TEMPERATURE.address]), TEMPERATURE.size)
        register = TEMPERATURE.decode(crc.agreed(frame[3:], again))
        if not frame[0] & ~CONVERT and not any(frame[1:]):
            raise InvalidReading(f"{self.name}: all registers are 0; a line is shorted, or it is another chip")
        if frame[1] & UNUSED_STATUS or register & UNUSED_TEMPERATURE:
            raise InvalidReading(f"{self.name}: unused bits are set in {frame.hex(' ')}; the line floats")
        return {"temperature": celsius(QUARTERS.of(register))}

    def burst(self, length: int) -> bytes:
        """Return the registers from the control on."""
        return self.write_read(bytes([CONTROL.address]), length)


def is_clock(registers: bytes, at_least: int = len(TIME)) -> bool:
    """Return whether the first 19 registers show so much of a time and a date, and unused bits that are 0."""
    unused = registers[0x0F] & UNUSED_STATUS or registers[0x12] & UNUSED_TEMPERATURE
    plausible = (is_decimal(byte & mask, most) for byte, (mask, most) in zip(registers, TIME, strict=False))
    return any(registers[0x0E:]) and not unused and sum(plausible) >= at_least


def is_decimal(byte: int, greatest: int) -> bool:
    """Return whether a byte is two decimal digits, at most `greatest`."""
    return byte & 15 <= 9 and 10 * (byte >> 4) + (byte & 15) <= greatest


def celsius(quarters: int) -> float:
    """Return °C from the signed ten bits of both temperature registers, read in one burst."""
    return quarters / 4
