"""ST LIS3DH: acceleration on I2C.

Source: STMicroelectronics "LIS3DH" datasheet (DocID17530), sections "Mechanical characteristics" and "Registers".
"""

from __future__ import annotations

import struct
from collections.abc import Generator

from ..chip import I2cChip, Probe, Quantity, Reading, Waits, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip

IDENTITY, CONTROL_1, CONTROL_4 = 0x0F, 0x20, 0x23
AUTO_INCREMENT = 0x80
FRAME = bytes([CONTROL_1 | AUTO_INCREMENT])  # 14 bytes in one transfer: controls 1 to 6, reference, status, data
IDENTITY_IS = 0x33
AT_100_HZ = 0x57  # all three axes
HIGH_RESOLUTION = 0x88  # ±2 g, both bytes of a value at once
TURNING_ON_TAKES = 0.1  # 7 samples, and what a slow oscillator takes
SAMPLE_TAKES = 0.0125
READY = 0x08  # in the status: set with each new sample, cleared by reading the data
POLLS = 3
G = 9.80665  # m/s²
ENDS = (0x7FF0, -0x8000)


class Lis3dh(I2cChip):
    """One LIS3DH at ±2 g, measuring a hundred times a second."""

    name = "lis3dh"
    addresses = (0x18, 0x19)
    probes = (Probe(bytes([IDENTITY]), 1, says(bytes([IDENTITY_IS]))),)
    quantities = tuple(
        Quantity(f"acceleration_{axis}", "m/s²", None, -2.046 * G, 2.046 * G, G / 1000) for axis in "xyz"
    )

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
        """Switch it on, wait for the first sample and throw it away, so that it cannot pass for one of later."""
        self.write(bytes([CONTROL_4, HIGH_RESOLUTION]))
        self.write(bytes([CONTROL_1, AT_100_HZ]))
        yield TURNING_ON_TAKES
        self.shows_ready = bool(self._frame()[7] & READY) or self.shows_ready

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
        if any(raw >= ENDS[0] or raw == ENDS[1] for raw in axes):
            raise InvalidReading(f"{self.name}: an axis is beyond ±2 g")
        return {f"acceleration_{axis}": metres_per_second_squared(raw) for axis, raw in zip("xyz", axes, strict=True)}

    def _sample(self) -> Generator[float, None, bytes]:
        for _ in range(POLLS):
            frame = self._frame()
            if (frame[0], frame[3]) != (AT_100_HZ, HIGH_RESOLUTION):
                raise LostPower(f"{self.name}: the control registers are {frame[:4].hex(' ')}, not as written")
            if frame[7] & READY or not self.shows_ready:
                return frame[8:]
            yield SAMPLE_TAKES
        raise NotReady(f"{self.name}: no new sample came; it stands still")

    def _frame(self) -> bytes:
        return self.write_read(FRAME, 14)


def metres_per_second_squared(raw: int) -> float:
    """Return m/s² from a signed, left-justified axis at ±2 g: 1 mg a digit of 12 bits, 16000 a g."""
    return raw / 16000 * G
