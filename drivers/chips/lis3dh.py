"""ST LIS3DH: acceleration on I2C.

Source: STMicroelectronics "LIS3DH" datasheet (DocID17530), sections "Mechanical characteristics" and "Registers".
"""

from __future__ import annotations

import struct
from typing import Annotated, Any

from ..chip import Among, Question, Reading, Waits, says
from ..errors import InvalidReading
from ..registers import Register
from .accelerometer import G, SampledChip, axes, one_of

CONTROL_1 = 0x20
AUTO_INCREMENT = 0x80
# Bypassed, the queue does not use its threshold: it closes the frame and proves that all of it arrived.
QUEUE, BYPASSED = Register(0x2E), 0x15
FRAME, FRAME_LENGTH = bytes([CONTROL_1 | AUTO_INCREMENT]), 15  # controls 1 to 6, reference, status, data, queue
AT_50_HZ = 0x47  # all three axes
# Both bytes of a value at once; in bits 5:4 the range.
HIGH_RESOLUTION = 0x88
# In the status: set with each new sample, cleared by reading the data.
READY = 0x08
TURNING_ON_TAKES = 0.17  # 7 samples, and what a slow oscillator takes
SAMPLE_TAKES = 0.0235
STOPS = (0x7FF0, -0x8000)
UNUSED = 0x000F  # of a value: 12 bits, left-justified

# By the code in the register: g, the digits that a g has at the left of 16 bits, the most digits that are told.
# At ±16 g a digit is 12 mg, not 8: there the range ends before the digits do.
RANGES = {2: (0b00, 16000, 2046), 4: (0b01, 8000, 2046), 8: (0b10, 4000, 2046), 16: (0b11, 16000 / 12, 1333)}
OFFSETS = 0.04 * G, 0.04 * G, 0.04 * G  # m/s², "Mechanical characteristics": typical zero-g level offset accuracy


class Lis3dh(SampledChip):
    """One LIS3DH in high resolution, measuring fifty times a second.

    Args:
        range: the most that is told, in g: 2, 4, 8 or 16.
    """

    name = "lis3dh"
    addresses = (0x18, 0x19)
    takes = 0.2
    identity_register, identity_is = Register(0x0F), 0x33
    questions = (Question(b"\x0f", 1, says(b"\x33")),)
    period = SAMPLE_TAKES
    noise = (160, 160, 160)
    quantities = axes("acceleration", "m/s²", 2.046 * G, G / 1000, OFFSETS)

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        range: Annotated[int, Among(tuple(RANGES))] = 2,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        code, self.per_g, digits = RANGES[one_of(range, "range", tuple(RANGES), "g")]
        self.controls = bytes([AT_50_HZ, 0, 0, HIGH_RESOLUTION | code << 4, 0, 0])
        step = 16 / self.per_g * G
        self.quantities = axes("acceleration", "m/s²", digits * step, step, OFFSETS)

    def configure(self) -> Waits:
        """Switch it on, without filter or interrupts, and wait for the first sample."""
        self.put(QUEUE, BYPASSED)
        # the first one, which switches it on, last
        for offset in range(len(self.controls) - 1, -1, -1):
            self.write(bytes([CONTROL_1 + offset, self.controls[offset]]))
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
        values = struct.unpack(self.layout, data)
        # Where the chip says which samples are new, zeros are free fall.
        if any(raw & UNUSED for raw in values) or (not any(data) and not self.shows_ready):
            raise InvalidReading(f"{self.name}: the data are {data.hex(' ')}; the chip has not measured")
        told = {}
        for axis, raw in zip("xyz", values, strict=True):
            stop = (raw >= STOPS[0]) - (raw <= STOPS[1])
            value = metres_per_second_squared(raw, self.per_g)
            told[f"acceleration_{axis}"] = self.axis(f"acceleration_{axis}", value, stop)
        return told

    def frame(self) -> tuple[bool, bytes, bytes]:
        """Return whether the sample is new, the six controls and the queue's, and the sample."""
        frame = self.write_read(FRAME, FRAME_LENGTH)
        return bool(frame[7] & READY), frame[:6] + frame[14:], frame[8:14]

    def settings(self) -> bytes:
        """Return the six controls as they were written, and the queue's setting."""
        return self.controls + bytes([self.closes])


def metres_per_second_squared(raw: int, per_g: float = 16000) -> float:
    """Return m/s² from a signed, left-justified axis: at ±2 g 1 mg a digit of 12 bits, which is 16000 a g."""
    return raw / per_g * G
