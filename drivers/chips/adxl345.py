"""Analog Devices ADXL345: acceleration on I2C.

Source: Analog Devices "ADXL345" data sheet, sections "Register Map" and "Register Definitions".
"""

from __future__ import annotations

import struct
from typing import Annotated, Any

from ..chip import Among, Question, Reading, Waits, says
from ..errors import InvalidReading
from ..registers import Register
from .accelerometer import G, SampledChip, axes, one_of

RATE, AT_50_HZ = Register(0x2C), 0x09
POWER, MEASURE = Register(0x2D), 0x08
FORMAT, FULL_RESOLUTION = Register(0x31), 0x08  # in its lowest bits the range
# Bypassed, the queue does not use its number of samples: it closes the frame and proves that all of it arrived.
QUEUE, BYPASSED = Register(0x38), 0x15
# Power, two of interrupts, their source, format, data, queue.
FRAME, FRAME_LENGTH = bytes([POWER.address]), 12
# In the source: set with each new sample, also without interrupts; reading the data clears it.
READY = 0x80
TURNING_ON_TAKES = 0.0235  # 21.1 ms at 50 Hz, and 10 %
RANGES = (2, 4, 8, 16)  # g, by the code in the register
DIGITS_PER_G = 256
OFFSETS = 0.035 * G, 0.035 * G, 0.04 * G  # m/s², "Specifications": 0 g output deviation from ideal


class Adxl345(SampledChip):
    """One ADXL345 in full resolution, measuring fifty times a second.

    Args:
        range: the most that is told, in g: 2, 4, 8 or 16.
    """

    name = "adxl345"
    addresses = (0x53, 0x1D)
    identity_register, identity_is = Register(0x00), 0xE5
    questions = (Question(b"\x00", 1, says(b"\xe5")),)
    period = TURNING_ON_TAKES
    noise = (8, 8, 8)
    quantities = axes("acceleration", "m/s²", 510 / DIGITS_PER_G * G, G / DIGITS_PER_G, OFFSETS)

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        range: Annotated[int, Among(RANGES)] = 2,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        self.code = RANGES.index(one_of(range, "range", RANGES, "g"))
        # 10 bits at ±2 g, one more with each range
        self.stop = 512 << self.code
        self.quantities = axes("acceleration", "m/s²", (self.stop - 2) / DIGITS_PER_G * G, G / DIGITS_PER_G, OFFSETS)

    def configure(self) -> Waits:
        """Set rate and range, begin to measure, and wait for the first sample."""
        self.put(QUEUE, BYPASSED)
        self.put(RATE, AT_50_HZ)
        self.put(FORMAT, FULL_RESOLUTION | self.code)
        self.put(POWER, MEASURE)
        yield TURNING_ON_TAKES
        self.closes = self.get_twice(QUEUE)
        self.first_sample()

    def measure(self) -> Reading:
        """Return acceleration_x, y, z in m/s²; of an axis at its stop, what is known.

        Raises:
            NotReady: no new sample came. LostPower: the configuration is gone. ChecksumError: no two reads agree.
            InvalidReading: there are no data.
        """
        data = yield from self.sample()
        # Where the chip says which samples are new, zeros are free fall.
        if data in (bytes(6), b"\xff" * 6) and not self.shows_ready:
            raise InvalidReading(f"{self.name}: all data are 0x{data[0]:02x}; the chip has not measured")
        told = {}
        for axis, raw in zip("xyz", struct.unpack(self.layout, data), strict=True):
            stop = (raw >= self.stop - 1) - (raw <= -self.stop)
            told[f"acceleration_{axis}"] = self.axis(f"acceleration_{axis}", metres_per_second_squared(raw), stop)
        return told

    def frame(self) -> tuple[bool, bytes, bytes]:
        """Return whether the sample is new, power, format and queue, and the sample."""
        frame = self.write_read(FRAME, FRAME_LENGTH)
        return bool(frame[3] & READY), frame[:1] + frame[4:5] + frame[11:], frame[5:11]

    def settings(self) -> bytes:
        """Return power and format as they were written, and the queue's setting."""
        return bytes([MEASURE, FULL_RESOLUTION | self.code, self.closes])


def metres_per_second_squared(raw: int) -> float:
    """Return m/s² from a signed axis in full resolution: 256 a g (section "Specifications", sensitivity)."""
    return raw / DIGITS_PER_G * G
