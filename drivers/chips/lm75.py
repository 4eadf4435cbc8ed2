"""LM75 and its kin (LM75A, LM75B, TMP75, PCT2075): temperature on I2C.

Source: Texas Instruments data sheet "LM75B, LM75C", registers; NXP data sheet "LM75B". Nine, eleven or twelve bits
are left-justified in the same register, so one formula is right for all.
"""

from __future__ import annotations

from ..chip import I2cChip, Quantity, Question, Values, Waits, says
from ..errors import InvalidReading, LostPower, WrongChip
from ..registers import Field, Register

TEMPERATURE = Register(0, 2, is_signed=True)
CONFIGURATION = Register(1)
HYSTERESIS, LIMIT = Register(2, 2), Register(3, 2)
# Bits of the configuration that are 0.
RESERVED = 0xE0
# Bits of a temperature or a limit that are 0.
UNUSED = Field(3, 0)
# The alarm pin acts at the second value over the limit; at power-on at the first.
QUEUE_OF_TWO, QUEUE_OF_SIX = 0x08, 0x18
# The alarm ends at 74.5 °C; at power-on at 75 °C.
LOWER_HYSTERESIS = 0x4A80
# 300 ms at most, and a slow oscillator; the temperature is 0 before.
FIRST_CONVERSION = 0.33


class Lm75(I2cChip):
    """One LM75, measuring all the time. A fault queue of two and a hysteresis, forgotten without power, are witnesses.

    Where the limits are fixed, the fault queue alone is one.

    It has no identity register and no sign of a finished conversion: not provable is which of its kin it is, nor that
    its converter still runs.
    """

    name = "lm75"
    addresses = tuple(range(0x48, 0x50))
    takes = 0.35
    questions = (
        Question(b"\x01", 1, lambda configuration: not configuration[0] & RESERVED),
        # The limits as after power-on, or as `configure` leaves them.
        Question(b"\x02", 2, says(b"\x4b\x00", b"\x4a\x80"), decides=False),
        Question(b"\x03", 2, says(b"\x50\x00"), decides=False),
    )
    quantities = (Quantity("temperature", "°C", "temperature", -55.0, 125.0, 0.5, noisy=False, accuracy=2.0),)

    def identify(self) -> None:
        """Look at what nothing else here shows: unused bits that are 0, and a fault queue that keeps its setting.

        Raises:
            WrongChip: something else answers. It is not written to unless its registers look right.
        """
        found = [self.get(register) for register in (CONFIGURATION, HYSTERESIS, LIMIT)]
        fits = not (found[0] & RESERVED or UNUSED.of(found[1]) or UNUSED.of(found[2]))
        for queue in (QUEUE_OF_SIX, 0) if fits else ():
            self.put(CONFIGURATION, queue)
            fits = fits and self.get(CONFIGURATION) == queue
        if not fits:
            expected = "unused bits that are 0 and a fault queue that keeps its setting"
            shown = "registers 1 to 3 = 0x{:02x}, 0x{:04x}, 0x{:04x}".format(*found)
            raise WrongChip(self.name, self.address, expected=expected, found=shown)

    def configure(self) -> Waits:
        """Let it measure all the time, leave the witnesses, and wait for the first value."""
        self.put(CONFIGURATION, QUEUE_OF_TWO)
        kept = self.command(HYSTERESIS, LOWER_HYSTERESIS, lambda found: found == LOWER_HYSTERESIS)
        # A setting that was never kept is no witness; one of the two must be.
        self.witnesses = {HYSTERESIS: LOWER_HYSTERESIS} if kept == LOWER_HYSTERESIS or self.lenient else {}
        if not self.lenient:
            self.witnesses[CONFIGURATION] = QUEUE_OF_TWO
        yield FIRST_CONVERSION

    def measure(self) -> Values:
        """Return temperature in °C.

        Raises:
            LostPower: a witness is gone. ChecksumError: two reads differ. InvalidReading: unused bits are set.
        """
        register = self.get_twice(TEMPERATURE, between=self.look_for_witnesses)
        if UNUSED.of(register):
            raise InvalidReading(f"{self.name}: unused bits are set in 0x{register & 0xFFFF:04x}; the line floats")
        return {"temperature": celsius(register)}

    def look_for_witnesses(self) -> None:
        """Raise LostPower if a setting is gone. The hysteresis also shows a line that goes dead within a word."""
        for register, value in self.witnesses.items():
            kept = self.get(register)
            if kept != value:
                raise LostPower(
                    f"{self.name}: register {register.address} is 0x{kept:02x}, not 0x{value:02x}: power was lost"
                )


def celsius(register: int) -> float:
    """Return °C from the signed temperature register: whole degrees in the upper byte."""
    return register / 256
