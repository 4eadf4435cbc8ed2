"""Melexis MLX90614: temperature of an object, by its infrared light, and of the chip itself, on SMBus (100 kHz).

Source: Melexis data sheet "MLX90614 family", sections on the SMBus protocol, the RAM, and its packet error code.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Quantity, Question, Told, Waits, part
from ..errors import ChecksumError, InvalidReading, NotReady, WrongChip

# Words in its RAM.
AMBIENT, OBJECT = 0x06, 0x07
FAULTY, GREATEST = 0x8000, 0x7FFF
# First data after 250 ms, and a slow oscillator; it may have been plugged in just now.
POWERING_UP = 0.28


class Mlx90614(I2cChip):
    """One MLX90614, measuring all the time. Nothing in it is configured, so nothing is lost with its power.

    It has no identity register: that its answers carry a right packet error code is the proof.
    """

    name = "mlx90614"
    addresses = (0x5A,)
    takes = 0.3
    questions = (Question(b"\x06", 3, lambda word: not crc.crc8(b"\xb4\x06\xb5" + word, start=0, polynomial=0x07)),)
    quantities = (
        Quantity("ambient_temperature", "°C", "temperature", -40.0, 125.0, 0.02, accuracy=0.5),
        Quantity(
            "object_temperature", "°C", "temperature", -70.0, 382.17, 0.02, needs="ambient_temperature", accuracy=0.5
        ),
    )

    def identify(self) -> Waits:
        """Read one word: it comes with a packet error code.

        Raises:
            WrongChip: something else answers at this address.
        """
        yield POWERING_UP
        try:
            self.word(AMBIENT)
        except ChecksumError as error:
            expected = "a word with packet error code"
            raise WrongChip(self.name, self.address, expected=expected, found=str(error)) from None

    def measure(self) -> Told:
        """Return both temperatures in °C.

        Raises:
            ChecksumError: a word arrived damaged. InvalidReading: the chip says so. NotReady: no value yet.
        """
        ambient = celsius(self.kelvins(AMBIENT))
        return {"ambient_temperature": ambient, "object_temperature": part(self.of_object)}

    def of_object(self) -> float:
        """Return the temperature of the object in °C.

        Raises:
            BeyondRange: it stands at the end of the scale.
        """
        raw = self.kelvins(OBJECT)
        if raw == GREATEST:
            raise self.beyond("object_temperature", at_least=celsius(raw))
        return celsius(raw)

    def kelvins(self, command: int) -> int:
        """Return a temperature in 1/50 K."""
        raw = self.word(command)
        if raw & FAULTY:
            raise InvalidReading(f"{self.name}: 0x{raw:04x} carries the error flag")
        if raw == 0:
            raise NotReady(f"{self.name}: no value yet")
        return raw

    def word(self, command: int) -> int:
        """Return a word of its RAM. Its packet error code covers the addresses and the command, too."""
        answer = self.write_read(bytes([command]), 3)
        packet = bytes([self.address << 1, command, self.address << 1 | 1]) + answer
        # Over a packet that ends with its own code it is 0.
        if crc.crc8(packet, start=0x00, polynomial=0x07):
            raise ChecksumError(f"{self.name}: {answer.hex(' ')} arrived damaged; shorten the cable, bus at 100 kHz")
        return int.from_bytes(answer[:2], "little")


def celsius(raw: int) -> float:
    """Return °C from a temperature in 1/50 K."""
    return raw * 0.02 - 273.15
