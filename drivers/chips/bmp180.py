"""Bosch BMP180 and BMP085: temperature and pressure on I2C.

Source: Bosch Sensortec data sheet "BMP180 Digital pressure sensor" (BST-BMP180-DS000-09), §3.3 (measurement), §3.4
(calibration coefficients), §3.5 (calculating pressure and temperature), §4 (global memory map).
"""

from __future__ import annotations

import struct
from collections.abc import Generator
from typing import Annotated, Any

from .. import crc
from ..chip import Among, Quantity, Reading, Waits, part
from ..errors import InvalidReading, LostPower, NotReady
from ..registers import Register
from .bosch import BoschChip

# §4
CALIBRATION, CALIBRATION_LENGTH = 0xAA, 22
RESET, RESET_WORD, CONTROL = Register(0xE0), 0xB6, Register(0xF4)
# Control, one byte that is not there, and the three of the result.
FRAME_LENGTH = 5
# §4: start of conversion, which the chip clears at the end of one.
RUNS = 0x20
TEMPERATURE, PRESSURE = 0x2E, 0x34
# 10 ms after power (§1), and a slow oscillator.
STARTING_TAKES = 0.011
# §3.3.1: at most, in seconds, and 10 % for the oscillator; by the oversampling of the pressure.
TEMPERATURE_TAKES = 0.005
PRESSURE_TAKES = {1: 0.005, 2: 0.0083, 4: 0.0149, 8: 0.0281}
# A result before the first conversion, and on a dead line.
NO_RESULTS = (b"\x80\x00\x00", b"\x00\x00\x00", b"\xff\xff\xff")
# How often a command is written that the chip does not seem to take, and how often it is asked for the end of one.
TRIES, POLLS = 3, 3


class Bmp180(BoschChip):
    """One BMP180. Measures on command; the last command, which stays in its control register, is the witness.

    Args:
        oversampling: 1, 2, 4 or 8 conversions per pressure: less noise, more time.
    """

    name = "bmp180"
    addresses = (0x77,)
    identities = (0x55,)
    quantities = (
        # At 0.1 °C a quiet room may show the same digits for an hour.
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.1, noisy=False, accuracy=0.5),
        Quantity("pressure", "hPa", "atmospheric_pressure", 300.0, 1100.0, 0.03, needs="temperature", accuracy=1.0),
    )

    # What the control register was left with by the reading before, and how its last result begins.
    left: int | None = None
    last = b""

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        oversampling: Annotated[int, Among(tuple(PRESSURE_TAKES))] = 8,
        identity: str = "strict",
    ) -> None:
        if oversampling not in PRESSURE_TAKES:
            raise ValueError(f"oversampling = {oversampling!r}: allowed are 1, 2, 4, 8")
        super().__init__(bus, address, identity=identity)
        self.doublings = tuple(PRESSURE_TAKES).index(oversampling)
        self.pressure_takes = PRESSURE_TAKES[oversampling]

    def identify(self) -> Waits:
        """Read the identity register, once the chip has had time to start.

        Raises:
            WrongChip: something else answers.
        """
        yield STARTING_TAKES
        yield from super().identify()

    def configure(self) -> Waits:
        """Reset the chip and read its calibration, of which no word is 0x0000 or 0xffff (§3.4)."""
        self.put(RESET, RESET_WORD)
        yield STARTING_TAKES
        block = self.constants(CALIBRATION, CALIBRATION_LENGTH)
        self.calibration = struct.unpack(">hhhHHHhhhhh", block)
        if any(word in (0, -1, 0xFFFF) for word in self.calibration):
            raise InvalidReading(f"{self.name}: the calibration is {block.hex(' ')}, with words that no chip has")
        self.left, self.last = None, b""

    def measure(self) -> Reading:
        """Return temperature in °C and pressure in hPa.

        Raises:
            LostPower: the last command is gone. NotReady: it does not finish. ChecksumError: two reads differ.
            InvalidReading: it did not convert.
        """
        if self.left is not None and (found := self.get(CONTROL)) != self.left:
            raise LostPower(f"{self.name}: control is 0x{found:02x}, not 0x{self.left:02x}: power was lost")
        # After a reading that failed it is not known which result is there.
        last, self.last = self.last, b""
        first = yield from self.converted(TEMPERATURE, TEMPERATURE_TAKES, last)
        base = temperature_base(int.from_bytes(first[:2], "big"), self.calibration)
        frame = yield from self.converted(PRESSURE | self.doublings << 6, self.pressure_takes, first[:2])
        self.last = frame[:2]
        up = int.from_bytes(frame, "big") >> (8 - self.doublings)
        pressure = part(lambda: hectopascals(up, self.doublings, base, self.calibration))
        return {"temperature": celsius(base), "pressure": pressure}

    def converted(self, command: int, takes: float, before: bytes) -> Generator[float, None, bytes]:
        """Return the three bytes of a result: convert again where the chip did not take the command.

        Without the one bit that starts a conversion, a command looks as if it were through: then the result is still
        that of the other quantity, which begins with the bytes `before`.
        """
        self.left = command & ~RUNS
        for _ in range(TRIES):
            self.put(CONTROL, command)
            yield takes
            frame = yield from self.finished(takes / 10)
            if frame[0] == self.left and frame[2:4] != before:
                break
        else:
            if frame[0] == self.left:
                raise NotReady(f"{self.name}: it does not convert, or both results begin with {before.hex(' ')}")
            raise LostPower(f"{self.name}: control is 0x{frame[0]:02x}, not 0x{self.left:02x}: power was lost")
        # Three reads: low bits of a result can be wrong alike in two, and nothing else would show that.
        result = crc.agreed(crc.agreed(frame, self.frame()), self.frame())[2:]
        if result in NO_RESULTS:
            raise InvalidReading(f"{self.name}: {result.hex(' ')} is no reading: never converted, or a dead line")
        return result

    def finished(self, again: float) -> Generator[float, None, bytes]:
        """Return the control register and the result once no conversion runs."""
        for _ in range(POLLS):
            frame = self.frame()
            if not frame[0] & RUNS:
                return frame
            yield again
        raise NotReady(f"{self.name}: still converting, control is 0x{frame[0]:02x}")

    def frame(self) -> bytes:
        """Return the control register and what stands behind it."""
        return self.write_read(bytes([CONTROL.address]), FRAME_LENGTH)


def temperature_base(raw: int, calibration: tuple[int, ...]) -> int:
    """Return B5, the temperature in 1/160 °C, from which the pressure is computed, too (§3.5).

    Raises:
        InvalidReading: with this calibration there is none.
    """
    _, _, _, _, ac5, ac6, _, _, _, mc, md = calibration
    x1 = (raw - ac6) * ac5 >> 15
    if x1 + md == 0:
        raise InvalidReading("bmp180: the calibration allows no temperature")
    return x1 + truncated(mc << 11, x1 + md)


def celsius(base: int) -> float:
    """Return °C, in tenths as the data sheet computes them (§3.5)."""
    return (base + 8 >> 4) / 10


def hectopascals(raw: int, doublings: int, base: int, calibration: tuple[int, ...]) -> float:
    """Return hPa from the raw pressure of `doublings` doubled samples, B5 and the calibration (§3.5).

    Raises:
        InvalidReading: with this calibration there is none.
    """
    ac1, ac2, ac3, ac4, _, _, b1, b2, _, _, _ = calibration
    b6 = base - 4000
    x3 = (b2 * (b6 * b6 >> 12) >> 11) + (ac2 * b6 >> 11)
    b3 = truncated((ac1 * 4 + x3 << doublings) + 2, 4)
    x3 = (ac3 * b6 >> 13) + (b1 * (b6 * b6 >> 12) >> 16) + 2 >> 2
    b4 = ac4 * (x3 + 32768) >> 15
    if b4 <= 0:
        raise InvalidReading("bmp180: the calibration allows no pressure")
    pascals = truncated(2 * (raw - b3) * (50000 >> doublings), b4)
    x1 = (pascals >> 8) * (pascals >> 8) * 3038 >> 16
    return (pascals + (x1 + (-7357 * pascals >> 16) + 3791 >> 4)) / 100


def truncated(dividend: int, divisor: int) -> int:
    """Return a quotient without its fraction, as C divides."""
    quotient = abs(dividend) // abs(divisor)
    return quotient if (dividend < 0) == (divisor < 0) else -quotient
