"""ST LIS3DH: acceleration on I2C.

Source: STMicroelectronics "LIS3DH" datasheet (DocID17530), sections "Mechanical characteristics" and "Registers".
"""

from __future__ import annotations

import struct

from ..chip import I2cChip, Probe, Quantity, Reading, Waits, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip

IDENTITY, CONTROL_1, CONTROL_4, DATA = 0x0F, 0x20, 0x23, 0x28
AUTO_INCREMENT = 0x80
IDENTITY_IS = 0x33
AT_100_HZ = 0x57  # all three axes
HIGH_RESOLUTION = 0x88  # ±2 g, both bytes of a value at once
TURNING_ON_TAKES = 0.1  # 7 samples, and what a slow oscillator takes
SAMPLE_TAKES = 0.0125
STATUS, READY = 0x27, 0x08  # set with each new sample, cleared by reading the data
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
        """Switch it on and wait for the first sample."""
        self.write(bytes([CONTROL_4, HIGH_RESOLUTION]))
        self.write(bytes([CONTROL_1, AT_100_HZ]))
        yield TURNING_ON_TAKES
        self.shows_ready = bool(self._status() & READY) or self.shows_ready

    def measure(self) -> Reading:
        """Return acceleration_x, y, z in m/s².

        Raises:
            NotReady: no new sample came. LostPower: the configuration is gone.
            InvalidReading: an axis is beyond ±2 g, or there are no data.
        """
        yield from self._wait()
        data = self.write_read(bytes([DATA | AUTO_INCREMENT]), 6)
        controls = self.write_read(bytes([CONTROL_1 | AUTO_INCREMENT]), 4)
        if (controls[0], controls[3]) != (AT_100_HZ, HIGH_RESOLUTION):
            raise LostPower(f"{self.name}: the control registers are {controls.hex(' ')}, not as written")
        if data in (bytes(6), b"\xff" * 6):
            raise InvalidReading(f"{self.name}: all data are 0x{data[0]:02x}; the chip has not measured")
        axes = struct.unpack("<3h", data)
        if any(raw >= ENDS[0] or raw == ENDS[1] for raw in axes):
            raise InvalidReading(f"{self.name}: an axis is beyond ±2 g")
        return {f"acceleration_{axis}": metres_per_second_squared(raw) for axis, raw in zip("xyz", axes, strict=True)}

    def _wait(self) -> Waits:
        for _ in range(POLLS if self.shows_ready else 0):
            if self._status() & READY:
                return
            yield SAMPLE_TAKES
        if self.shows_ready:
            raise NotReady(f"{self.name}: no new sample came; it stands still or lost its power")

    def _status(self) -> int:
        return self.write_read(bytes([STATUS]), 1)[0]


def metres_per_second_squared(raw: int) -> float:
    """Return m/s² from a signed, left-justified axis at ±2 g: 1 mg a digit of 12 bits, 16000 a g."""
    return raw / 16000 * G
