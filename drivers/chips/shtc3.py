"""Sensirion SHTC3: temperature and humidity on I2C.

Source: Sensirion "Datasheet SHTC3", sections on power-up, sleep and wakeup, the measurement commands, their longest
times, the ID register, the checksum and the conversion of signals.
"""

from __future__ import annotations

from .. import crc
from ..chip import Quantity, Question, Reading, Waits
from ..errors import NoAcknowledge, WrongChip
from .sensirion import SensirionChip

# 240 µs after power, wakeup and reset, and a slow oscillator.
POWERING_UP = 0.0003
SLEEP, WAKE_UP = b"\xb0\x98", b"\x35\x17"
SOFT_RESET = b"\x80\x5d"
READ_IDENTITY, IDENTITY_BITS, SHTC3 = b"\xef\xc8", 0x083F, 0x0807
# Temperature first, normal mode, without clock stretching.
MEASURE = b"\x78\x66"
# At most 12.1 ms, and a slow oscillator: asked too early it does not acknowledge.
MEASURING_TAKES = 0.0134
# A TCA9548A keeps the last byte that is written to it, and sends it in every byte that is read.
OF_A_MULTIPLEXER = READ_IDENTITY[-1:] * 3
NO_CHANNEL = b"\x00"


class Shtc3(SensirionChip):
    """One SHTC3, which is not sent to sleep: it draws 45 µA between readings.

    Measures on command only; keeps nothing between two measurements.
    """

    name = "shtc3"
    addresses = (0x70,)
    questions = (
        Question(
            READ_IDENTITY,
            3,
            lambda found: crc.words(found)[0] & IDENTITY_BITS == SHTC3,
            POWERING_UP,
            wakes_in=POWERING_UP,
            wake=WAKE_UP,
            sleep=SLEEP,
        ),
    )
    quantities = (
        Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.01, accuracy=0.2),
        Quantity("humidity", "%", "humidity", 0.0, 100.0, 0.01, needs="temperature", accuracy=2.0),
    )

    def identify(self) -> Waits:
        """Read the identity; wake the chip first if another program left it asleep.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        try:
            self.look_at_identity()
        except NoAcknowledge:
            self.write(WAKE_UP)
            yield POWERING_UP
            self.look_at_identity()

    def look_at_identity(self) -> None:
        """Raise WrongChip if the identity is not that of an SHTC3.

        Without a wait in between: a multiplexer takes the command for channels, which are closed again before others
        use the bus.
        """
        self.write(READ_IDENTITY)
        frame = self.read_bytes(3)
        if frame == OF_A_MULTIPLEXER:
            self.write(NO_CHANNEL)
            hint = "this is a TCA9548A multiplexer: it can have another address, an SHTC3 cannot"
            raise WrongChip(self.name, self.address, expected=SHTC3, found=frame.hex(" "), hint=hint)
        if crc.crc8(frame[:2]) != frame[2]:
            expected = "its identity with a checksum"
            raise WrongChip(self.name, self.address, expected=expected, found=frame.hex(" "))
        found = int.from_bytes(frame[:2], "big")
        if found & IDENTITY_BITS != SHTC3:
            raise WrongChip(self.name, self.address, expected=SHTC3, found=found)

    def configure(self) -> Waits:
        """Reset the chip, which ends whatever it was told to do."""
        self.write(SOFT_RESET)
        yield POWERING_UP

    def measure(self) -> Reading:
        """Return temperature in °C and relative humidity in %.

        Raises:
            NoAcknowledge: no device answers, or it sleeps. ChecksumError: a word arrived damaged.
        """
        temperature, humidity = yield from self.ask(MEASURE, MEASURING_TAKES, 2)
        return {"temperature": celsius(temperature), "humidity": relative_humidity(humidity)}


def celsius(ticks: int) -> float:
    """Return °C from the 16-bit temperature word."""
    return -45 + 175 * ticks / 65536


def relative_humidity(ticks: int) -> float:
    """Return % from the 16-bit humidity word."""
    return 100 * ticks / 65536
