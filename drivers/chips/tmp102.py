"""Texas Instruments TMP102 and TMP112: temperature on I2C.

Source: Texas Instruments data sheet "TMP102 Low-Power Digital Temperature Sensor" (SBOS397), sections on the
configuration register and the one-shot mode.
"""

from __future__ import annotations

from ..chip import I2cChip, Quantity, Question, Reading, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

TEMPERATURE, CONFIGURATION = Register(0x00, 2), Register(0x01, 2)
CODE, UNUSED = Field(15, 4, is_signed=True), Field(3, 0)
# Bit OS, read: 0 while a one-shot conversion is under way; written: begin one.
ONE_SHOT = 0x8000
# Bits R1 and R0: the resolution, which cannot be changed.
ALWAYS_ONE, ALWAYS_ZERO = 0x6000, 0x000F
SHUT_DOWN, FOUR_HERTZ, ONE_HERTZ = 0x0100, 0x0080, 0x0040
# All but OS and the alert bit.
KEPT = 0x7FDF
# At power-on it is not shut down.
SETTINGS = SHUT_DOWN | FOUR_HERTZ
# At most 35 ms, and a slow oscillator.
CONVERTING_TAKES = 0.0385
POLLS, AGAIN = 4, 0.004


class Tmp102(I2cChip):
    """One TMP102, shut down between readings: that is the witness, for at power-on it measures all the time.

    It has no identity register; a TMP112 cannot be told from it.
    """

    name = "tmp102"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    questions = (
        Question(b"\x01", 2, lambda found: CONFIGURATION.decode(found) & (ALWAYS_ONE | ALWAYS_ZERO) == ALWAYS_ONE),
        # The limits as after power-on.
        Question(b"\x02", 2, says(b"\x4b\x00"), decides=False),
        Question(b"\x03", 2, says(b"\x50\x00"), decides=False),
    )
    # At 0.0625 °C a quiet room may show the same digits for an hour.
    quantities = (Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.0625, noisy=False, accuracy=0.5),)

    def identify(self) -> None:
        """Look at what nothing else here shows: a configuration that keeps its settings and two bits that are always 1.

        Raises:
            WrongChip: something else answers. It is not written to unless its configuration looks right.
        """
        found = [self.get(CONFIGURATION)]
        fits = found[0] & (ALWAYS_ONE | ALWAYS_ZERO) == ALWAYS_ONE
        for rate in (ONE_HERTZ, FOUR_HERTZ) if fits else ():
            self.put(CONFIGURATION, SHUT_DOWN | rate)
            found.append(self.get(CONFIGURATION))
            fits = fits and found[-1] & KEPT == ALWAYS_ONE | SHUT_DOWN | rate
        if not fits:
            shown = "configuration " + ", ".join(f"0x{word:04x}" for word in found)
            raise WrongChip(self.name, self.address, expected="one that keeps all but two bits", found=shown)

    def configure(self) -> None:
        """Shut it down."""
        self.put(CONFIGURATION, self.written(SETTINGS))

    def measure(self) -> Reading:
        """Return temperature in °C.

        Raises:
            NotReady: the conversion does not end. LostPower: it went back to its power-on settings.
            InvalidReading: unused bits are set. ChecksumError: two reads differ.
        """
        self.command(CONFIGURATION, self.written(SETTINGS | ONE_SHOT), has_begun)
        yield CONVERTING_TAKES
        for _ in range(POLLS):
            if self.is_finished():
                break
            yield AGAIN
        else:
            raise NotReady(f"{self.name}: the conversion does not end")
        register = self.get_twice(TEMPERATURE, between=self.is_finished)
        if UNUSED.of(register):
            raise InvalidReading(f"{self.name}: unused bits are set in 0x{register:04x}; the line floats")
        return {"temperature": celsius(CODE.of(register))}

    def written(self, settings: int) -> int:
        """Return what to write. The chip adds its two bits; an emulator that is believed has to be given them."""
        return settings | (ALWAYS_ONE if self.lenient else 0)

    def is_finished(self) -> bool:
        """Return whether a conversion is over.

        Raises:
            LostPower: the settings are not as written.
        """
        configuration = self.get(CONFIGURATION)
        if configuration & KEPT != ALWAYS_ONE | SETTINGS:
            raise LostPower(f"{self.name}: configuration is 0x{configuration:04x}, not as written: power was lost")
        return bool(configuration & ONE_SHOT)


def has_begun(configuration: int) -> bool:
    """Return whether a single conversion is under way."""
    return configuration & (KEPT | ONE_SHOT) == ALWAYS_ONE | SETTINGS


def celsius(code: int) -> float:
    """Return °C from the signed twelve bits of the temperature register."""
    return code * 0.0625
