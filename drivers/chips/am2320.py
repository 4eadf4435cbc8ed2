"""Aosong AM2320: temperature and humidity on I2C, asleep between readings.

Source: Aosong "AM2320 Product Manual", §8.2 (I2C: waking the sensor, reading registers, peripheral read flow) and the
notes on the interval between two readings.
"""

from __future__ import annotations

from collections.abc import Generator

from .. import crc
from ..chip import I2cChip, Quantity, Question, Reading, Waits
from ..errors import ChecksumError, InvalidReading, NoAcknowledge, WrongChip

# Function "read registers", the first one, and how many: humidity and temperature.
READ = b"\x03\x00\x04"
HEADER, LENGTH = b"\x03\x04", 8
# It sleeps until it is addressed, which it does not acknowledge; awake after 0.8 ms, and for 3 ms.
WAKING_TAKES, WAKINGS = 0.0015, 2
# At least 1.5 ms.
ANSWERING_TAKES = 0.0025
# It answers with its last measurement and measures afterwards; the next one may be read 2 s later.
MEASURING_TAKES = 2.25
# How far two answers within milliseconds may differ: °C and %.
NEAR = (0.5, 3.0)


def is_whole(frame: bytes) -> bool:
    """Return whether a frame answers the command and ends with its checksum, low byte first."""
    return frame[:2] == HEADER and crc.modbus(frame[:-2]).to_bytes(2, "little") == frame[-2:]


class Am2320(I2cChip):
    """One AM2320. What it tells is what it measured after the reading before, so it is read, and again 2 s later.

    It has no identity register; that its answers come with a right checksum is the proof.
    """

    name = "am2320"
    addresses = (0x5C,)
    # Twice that long only where it refuses to be read at once again.
    takes = 5.0
    questions = (Question(READ, LENGTH, is_whole, ANSWERING_TAKES, wakes_in=WAKING_TAKES),)
    quantities = (
        # At 0.1 °C a quiet room may show the same digits for an hour.
        Quantity("temperature", "°C", "temperature", -40.0, 80.0, 0.1, noisy=False, accuracy=0.5),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.1, noisy=False, needs="temperature", accuracy=3.0),
    )

    def identify(self) -> Waits:
        """Let it answer: with a checksum that is right.

        Raises:
            WrongChip: something else answers at this address.
        """
        try:
            yield from self.answer()
        except ChecksumError as error:
            expected = "an answer with a checksum"
            raise WrongChip(self.name, self.address, expected=expected, found=str(error)) from None

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: no device answers. ChecksumError: an answer arrived damaged, or two differ.
            InvalidReading: it has not measured.
        """
        try:
            # What it measured some time ago; now it measures.
            yield from self.answer()
        except NoAcknowledge:
            # A chip may refuse to be read twice within 2 s, as after `identify`; they are over then.
            yield MEASURING_TAKES
            yield from self.answer()
        yield MEASURING_TAKES
        told = celsius_and_humidity((yield from self.answer()))
        again = yield from self.again(told)
        if any(abs(one - other) > near for one, other, near in zip(told, again, NEAR, strict=True)):
            raise ChecksumError(f"{self.name}: two answers differ: {told} and {again}; shorten or shield the cable")
        if not any(told):
            raise InvalidReading(f"{self.name}: 0 °C at 0 % is no reading; it has not measured")
        return {"temperature": told[0], "humidity": told[1]}

    def again(self, told: tuple[float, float]) -> Generator[float, None, tuple[float, float]]:
        """Return the answer to the command sent once more, which may have arrived as one for other registers.

        Its checksum does not cover the command. A chip may refuse to be read twice within 2 s: then what was told.
        """
        try:
            return celsius_and_humidity((yield from self.answer()))
        except NoAcknowledge:
            return told

    def answer(self) -> Generator[float, None, bytes]:
        """Wake the chip and return its answer, the checksum left out.

        Raises:
            NoAcknowledge: no device answers. ChecksumError: the answer arrived damaged, or is another one.
        """
        for _ in range(WAKINGS):
            try:
                self.write(READ)
                break
            except NoAcknowledge:
                # Nor does a chip that sleeps acknowledge, but it wakes.
                yield WAKING_TAKES
        else:
            self.write(READ)
        yield ANSWERING_TAKES
        frame = self.read_bytes(LENGTH)
        if not is_whole(frame):
            raise ChecksumError(f"{self.name}: {frame.hex(' ')} arrived damaged; shorten the cable, bus at 100 kHz")
        return frame[2:6]


def celsius_and_humidity(data: bytes) -> tuple[float, float]:
    """Return °C and % from two words in tenths; the temperature has a sign in its highest bit."""
    humidity, temperature = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:], "big")
    magnitude = (temperature & 0x7FFF) / 10
    return (-magnitude if temperature & 0x8000 else magnitude), humidity / 10
