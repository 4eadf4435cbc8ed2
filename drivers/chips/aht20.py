"""Aosong AHT20, AHT21, DHT20, and the older AHT10: temperature and humidity on I2C.

Source: Aosong (ASAIR) data sheets "AHT20" and "AHT10", sections on the sensor's commands, reading flow and signal
conversion; for the AHT10's longest times also the Linux driver `aht10`.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar

from .. import crc
from ..chip import I2cChip, Quantity, Question, Reading, Waits
from ..errors import ChecksumError, InvalidReading, LostPower, NoAcknowledge, NotReady, WrongChip

# The AHT20 needs 40 ms, the AHT21 and DHT20 100 ms; it may have been plugged in just now.
POWERING_UP = 0.11
# 10 ms, and a slow oscillator.
INITIALISE, INITIALISING_TAKES = b"\xbe\x08\x00", 0.012
MEASURE, MEASURING_TAKES = b"\xac\x33\x00", 0.08
BUSY, CALIBRATED = 0x80, 0x08
POLLS, AGAIN = 4, 0.01
# The AHT10's command; it may take 350 ms until it is calibrated.
INITIALISE_AHT10, CALIBRATION_LOOKS = b"\xe1\x08\x00", 8
CALIBRATION_TAKES = 0.05
# How often a command is written that the AHT10 does not seem to take.
TRIGGERS = 3


class Aht20(I2cChip):
    """One AHT20. Measures on command only. Has no identity register: its checksum and status bits are the proof.

    An AHT10 speaks the same commands but sends no checksum; it is refused.
    """

    name = "aht20"
    addresses = (0x38,)
    takes = 0.4
    questions: ClassVar[tuple[Question, ...]] = (
        Question(b"", 7, lambda frame: len(set(frame)) > 1 and not crc.crc8(frame), decides=False),
    )
    quantities = (
        # An AHT21 works up to 120 °C, an AHT20 and a DHT20 up to 85 °C.
        Quantity("temperature", "°C", "temperature", -40.0, 120.0, 0.01, accuracy=0.3),
        Quantity("humidity", "%", "humidity", 100 / (1 << 20), 100.0, 0.024, needs="temperature", accuracy=2.0),
    )

    calibrated = True

    def identify(self) -> Waits:
        """Initialise the chip if it asks for that, then let it measure: the frame's checksum is the proof.

        Raises:
            WrongChip: something else answers. NotReady: it is busy, or the line floats.
        """
        yield POWERING_UP
        if not self.read_bytes(1)[0] & CALIBRATED:
            yield from self.initialise()
        try:
            frame = yield from self.frame()
        except ChecksumError as error:
            hint = "an AHT10 sends no checksum: use an AHT20; or check the address, or the driver configured"
            raise WrongChip(
                self.name, self.address, expected="a frame with checksum", found=str(error), hint=hint
            ) from None
        self.calibrated = bool(frame[0] & CALIBRATED)

    def initialise(self) -> Waits:
        """Tell it to load its calibration.

        Later AHT20s may refuse the command and measure nevertheless: github.com/adafruit/Adafruit_AHTX0, #13.
        """
        try:
            self.write(INITIALISE)
        except NoAcknowledge:
            # Or it was not awake yet.
            yield INITIALISING_TAKES
        yield INITIALISING_TAKES

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NotReady: it does not finish. ChecksumError: the frame arrived damaged.
            LostPower: it is no longer calibrated. InvalidReading: it never was.
        """
        frame = yield from self.frame()
        if not frame[0] & CALIBRATED:
            self.raise_uncalibrated(frame[0])
        humidity, temperature = int.from_bytes(frame[1:4], "big") >> 4, int.from_bytes(frame[3:6], "big") & 0xFFFFF
        dead = InvalidReading(f"{self.name}: raw humidity is 0; condensation or a dead element")
        return {"temperature": celsius(temperature), "humidity": relative_humidity(humidity) if humidity else dead}

    def raise_uncalibrated(self, status: int) -> None:
        """Raise the error of a status without the bit that stands for a calibration: what is sent then is raw."""
        if self.calibrated:
            raise LostPower(f"{self.name}: status 0x{status:02x} says that it is no longer calibrated")
        raise InvalidReading(
            f"{self.name}: status 0x{status:02x} says that it is not calibrated, not even after it was initialised; "
            "switch its power off and on, or replace it"
        )

    def frame(self) -> Generator[float, None, bytes]:
        """Trigger a measurement; return its status, 20 bits of humidity and 20 of temperature."""
        self.write(MEASURE)
        yield MEASURING_TAKES
        for _ in range(POLLS):
            frame = self.read_bytes(7)
            if not frame[0] & BUSY:
                break
            yield AGAIN
        else:
            raise NotReady(f"{self.name}: still busy, status 0x{frame[0]:02x}; or the line floats")
        # Over a frame that ends with its own checksum it is 0.
        if crc.crc8(frame):
            raise ChecksumError(f"{self.name}: the frame arrived damaged: {frame.hex(' ')}; shorten the cable")
        return frame


class Aht10(Aht20):
    """One AHT10, whose frames carry no checksum: two reads of one have to agree, and its busy bit shows a command.

    Nothing in it can be read that tells it from all other chips.
    """

    name = "aht10"
    takes = 0.8
    questions = ()
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 85.0, 0.01, accuracy=0.3),
        Quantity("humidity", "%", "humidity", 100 / (1 << 20), 100.0, 0.024, needs="temperature", accuracy=2.0),
    )

    def identify(self) -> Waits:
        """Calibrate the chip if it asks for that, then let it measure.

        Raises:
            WrongChip: an AHT20 or something else answers. NotReady: it is busy, or the line floats.
        """
        yield POWERING_UP
        if not self.read_bytes(1)[0] & CALIBRATED:
            yield from self.initialise()
        yield from self.triggered()
        yield from self.finished()
        frame = self.read_bytes(7)
        if not crc.crc8(frame):
            hint = 'this is an AHT20, whose frames carry a checksum: write driver = "aht20"'
            found = frame.hex(" ")
            raise WrongChip(self.name, self.address, expected="a frame without checksum", found=found, hint=hint)
        if len(set(frame[:6])) == 1:
            raise WrongChip(self.name, self.address, expected="a measurement", found=frame.hex(" "))
        self.calibrated = bool(frame[0] & CALIBRATED)

    def initialise(self) -> Waits:
        """Tell it to load its calibration, and wait until it has."""
        self.write(INITIALISE_AHT10)
        for _ in range(CALIBRATION_LOOKS):
            yield CALIBRATION_TAKES
            status = self.read_bytes(1)[0]
            if status & CALIBRATED and not status & BUSY:
                break

    def triggered(self) -> Waits:
        """Begin a measurement: the value from before would be read in its place if the command had been lost."""
        for _ in range(TRIGGERS):
            self.write(MEASURE)
            if self.read_bytes(1)[0] & BUSY:
                break
        yield MEASURING_TAKES

    def finished(self) -> Generator[float, None, bytes]:
        """Return the frame once the chip is no longer busy."""
        for _ in range(POLLS):
            frame = self.read_bytes(6)
            if not frame[0] & BUSY:
                return frame
            yield AGAIN
        raise NotReady(f"{self.name}: still busy, status 0x{frame[0]:02x}; or the line floats")

    def frame(self) -> Generator[float, None, bytes]:
        """Trigger a measurement; return its status, 20 bits of humidity and 20 of temperature."""
        yield from self.triggered()
        frame = yield from self.finished()
        if len(set(frame)) == 1:
            raise ChecksumError(f"{self.name}: every byte is 0x{frame[0]:02x}; a line is stuck, or floats")
        return crc.agreed(frame, self.read_bytes(6))


def celsius(ticks: int) -> float:
    """Return °C from the 20-bit temperature."""
    return ticks / 0x100000 * 200 - 50


def relative_humidity(ticks: int) -> float:
    """Return % from the 20-bit humidity."""
    return ticks / 0x100000 * 100
