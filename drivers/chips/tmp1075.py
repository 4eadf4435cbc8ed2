"""Texas Instruments TMP1075: temperature on I2C.

Source: Texas Instruments data sheet "TMP1075 Temperature Sensor With I2C and SMBus Interface in Industry Standard LM75
Form Factor and Pinout" (SBOS854), sections on the register map, continuous conversion and the device ID; the Zephyr
driver `ti,tmp1075`.
"""

from __future__ import annotations

from ..chip import I2cChip, Quantity, Question, Values, Waits, says
from ..errors import InvalidReading, LostPower, WrongChip
from ..registers import Field, Register

TEMPERATURE, CONFIGURATION, LOW_LIMIT = Register(0x00, 2), Register(0x01, 2), Register(0x02, 2)
IDENTITY, TMP1075 = Register(0x0F, 2), 0x7500
CODE, UNUSED = Field(15, 4, is_signed=True), Field(3, 0)
# The lower byte of the configuration is always 0xff.
SETTINGS = Field(15, 8)
# The alarm pin acts at the second value over the limit; at power-on at the first. Measuring every 27.5 ms.
QUEUE_OF_TWO, RESERVED = 0x08, 0x00FF
# The alarm ends at 74.5 °C; at power-on at 75 °C.
LOWER_LIMIT = 0x4A80
# One period and one conversion, and a slow oscillator; the temperature is 0 before.
FIRST_CONVERSION = 0.04


class Tmp1075(I2cChip):
    """One TMP1075, measuring all the time. A fault queue of two and a lower limit, gone without power, are witnesses.

    It has no sign of a finished conversion: that its converter still runs is not provable.
    """

    name = "tmp1075"
    addresses = tuple(range(0x48, 0x50))
    questions = (Question(b"\x0f", 2, says(b"\x75\x00")),)
    # At 0.0625 °C a quiet room may show the same digits for an hour.
    quantities = (Quantity("temperature", "°C", "temperature", -55.0, 125.0, 0.0625, noisy=False, accuracy=1.0),)

    def identify(self) -> None:
        """Read the identity register.

        Raises:
            WrongChip: something else answers at this address.
        """
        found = self.get(IDENTITY)
        if found != TMP1075:
            hint = (
                'an LM75 has none: write driver = "lm75" if it is one' if found == self.get(Register(0x03, 2)) else ""
            )
            raise WrongChip(self.name, self.address, expected=TMP1075, found=found, hint=hint)

    def configure(self) -> Waits:
        """Let it measure all the time, leave the witnesses, and wait for the first value."""
        self.put(CONFIGURATION, SETTINGS.put(QUEUE_OF_TWO) | RESERVED)
        self.put(LOW_LIMIT, LOWER_LIMIT)
        yield FIRST_CONVERSION

    def measure(self) -> Values:
        """Return temperature in °C.

        Raises:
            LostPower: a witness is gone. ChecksumError: two reads differ. InvalidReading: unused bits are set.
        """
        register = self.get_twice(TEMPERATURE, between=self.look_for_witnesses)
        if UNUSED.of(register):
            raise InvalidReading(f"{self.name}: unused bits are set in 0x{register:04x}; the line floats")
        return {"temperature": celsius(CODE.of(register))}

    def look_for_witnesses(self) -> None:
        """Raise LostPower if a setting is gone. The limit also shows a line that goes dead within a word."""
        settings, limit = SETTINGS.of(self.get(CONFIGURATION)), self.get(LOW_LIMIT)
        if (settings, limit) != (QUEUE_OF_TWO, LOWER_LIMIT):
            raise LostPower(
                f"{self.name}: configuration and limit are 0x{settings:02x} and 0x{limit:04x}, "
                f"not 0x{QUEUE_OF_TWO:02x} and 0x{LOWER_LIMIT:04x}: power was lost"
            )


def celsius(code: int) -> float:
    """Return °C from the signed twelve bits of the temperature register."""
    return code * 0.0625
