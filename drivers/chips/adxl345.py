"""Analog Devices ADXL345: acceleration on I2C.

Source: Analog Devices "ADXL345" data sheet, sections "Register Map" and "Register Definitions".
"""

from __future__ import annotations

import struct
from collections.abc import Generator

from ..chip import I2cChip, Probe, Quantity, Reading, Waits, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip

IDENTITY, POWER, FORMAT = 0x00, 0x2D, 0x31
FRAME = bytes([POWER])  # 11 bytes in one transfer: power, two of interrupts, their source, format, data
IDENTITY_IS = 0xE5
MEASURE = 0x08
FULL_RESOLUTION = 0x08  # ±2 g
TURNING_ON_TAKES = 0.0125  # 11.1 ms at 100 Hz, and 10 %
G = 9.80665  # m/s²
READY = 0x80  # in the source: set with each new sample, also without interrupts; reading the data clears it
POLLS = 3
ENDS = (511, -512)  # 10 bits at ±2 g


class Adxl345(I2cChip):
    """One ADXL345 at ±2 g, measuring a hundred times a second."""

    name = "adxl345"
    addresses = (0x53, 0x1D)
    probes = (Probe(bytes([IDENTITY]), 1, says(bytes([IDENTITY_IS]))),)
    quantities = tuple(Quantity(f"acceleration_{axis}", "m/s²", None, -1.992 * G, 1.992 * G, G / 256) for axis in "xyz")

    shows_ready = False  # seen once: then it can be relied on

    def identify(self) -> None:
        """Look at the identity register.

        Raises:
            WrongChip: something else answers.
        """
        found = self.write_read(bytes([IDENTITY]), 1)[0]
        if found != IDENTITY_IS:
            raise WrongChip(self.name, self.address, expected=IDENTITY_IS, found=found)

    def configure(self) -> Waits:
        """Set the range, begin to measure, wait for the first sample and throw it away, lest it pass for a later."""
        self.write(bytes([FORMAT, FULL_RESOLUTION]))
        self.write(bytes([POWER, MEASURE]))
        yield TURNING_ON_TAKES
        self.shows_ready = bool(self._frame()[3] & READY) or self.shows_ready

    def measure(self) -> Reading:
        """Return acceleration_x, y, z in m/s².

        Raises:
            NotReady: no new sample came. LostPower: the configuration is gone.
            InvalidReading: an axis is beyond ±2 g, or there are no data.
        """
        data = yield from self._sample()
        if data in (bytes(6), b"\xff" * 6) and not self.shows_ready:  # where new data are told, 0 is free fall
            raise InvalidReading(f"{self.name}: all data are 0x{data[0]:02x}; the chip has not measured")
        axes = struct.unpack("<3h", data)
        if any(not ENDS[1] < raw < ENDS[0] for raw in axes):
            raise InvalidReading(f"{self.name}: an axis is beyond ±2 g")
        return {f"acceleration_{axis}": metres_per_second_squared(raw) for axis, raw in zip("xyz", axes, strict=True)}

    def _sample(self) -> Generator[float, None, bytes]:
        for _ in range(POLLS):
            frame = self._frame()
            if (frame[0], frame[4]) != (MEASURE, FULL_RESOLUTION):
                raise LostPower(f"{self.name}: registers 0x2d..0x31 are {frame[:5].hex(' ')}, not as written")
            if frame[3] & READY or not self.shows_ready:
                return frame[5:]
            yield TURNING_ON_TAKES
        raise NotReady(f"{self.name}: no new sample came; it stands still")

    def _frame(self) -> bytes:
        return self.write_read(FRAME, 11)


def metres_per_second_squared(raw: int) -> float:
    """Return m/s² from a signed axis in full resolution: 256 a g (section "Specifications", sensitivity)."""
    return raw / 256 * G
