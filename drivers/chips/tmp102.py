"""Texas Instruments TMP102 and TMP112: temperature on I2C.

Source: Texas Instruments data sheet "TMP102 Low-Power Digital Temperature Sensor" (SBOS397), sections on the
configuration register and the one-shot mode.
"""

from __future__ import annotations

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, Waits, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

TEMPERATURE = Field(15, 4, is_signed=True)
CONFIGURATION = Register(0x01, 2)
FINISHED = 0x8000  # bit OS, read: 0 while a one-shot conversion is under way; written: begin one
ALWAYS_ONE = 0x6000  # bits R1 and R0: the resolution, which cannot be changed
SHUT_DOWN, EIGHT_HERTZ, FOUR_HERTZ, ONE_HERTZ = 0x0100, 0x00C0, 0x0080, 0x0040
KEPT = 0x7FDF  # all but OS and the alert bit
SETTINGS = SHUT_DOWN | FOUR_HERTZ  # at power-on: not shut down
LOW_LIMIT, TRIAL = Register(0x02, 2), 0x5A50
CONVERTING_TAKES = 0.0385  # at most 35 ms, and a slow oscillator
POLLS, AGAIN = 4, 0.004
CYCLE_TAKES = 0.15  # 125 ms at 8 Hz, and a slow oscillator


class Tmp102(I2cChip):
    """One TMP102, shut down between readings: that is the witness, for at power-on it measures all the time.

    It has no identity register; a TMP112 cannot be told from it. An emulator that keeps every bit is taken for one if
    its registers all begin as 0, as Linux's i2c-stub, or as a TMP102's; it has no one-shot mode, so it is let convert
    all the time, at a rate that is the witness.
    """

    name = "tmp102"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    probes = (
        Probe(b"\x01", 2, lambda found: CONFIGURATION.decode(found) & (ALWAYS_ONE | 0x000F) == ALWAYS_ONE),
        Probe(b"\x02", 2, says(b"\x4b\x00"), decides=False),  # the limits as after power-on
        Probe(b"\x03", 2, says(b"\x50\x00"), decides=False),
    )
    quantities = (Quantity("temperature", "°C", "temperature", -40.0, 125.0, 0.0625),)
    always, sent = ALWAYS_ONE, 0  # bits that it shows whatever is written; those that must be sent to be shown
    settings = SETTINGS
    continuous = False

    def identify(self) -> None:
        """Look at what nothing else here shows: a configuration that keeps its settings and two bits that are always 1.

        Raises:
            WrongChip: something else answers. It is not written to unless its configuration looks right.
        """
        found = [self.configuration()]
        self.always, self.sent = 0 if self._is_bare(found[0]) else ALWAYS_ONE, 0
        fits = found[0] & ALWAYS_ONE == self.always and not found[0] & 0x000F
        for rate in (ONE_HERTZ, FOUR_HERTZ) if fits else ():
            self.write(CONFIGURATION.encode(SHUT_DOWN | rate))
            found.append(self.configuration())
            fits = fits and found[-1] & KEPT == self.always | SHUT_DOWN | rate
        if fits and not self.always:  # in a memory of bytes the configuration has changed a limit
            fits = self._is_bare(found[-1])
        if not fits and not self._keeps_limit(found[0]):
            shown = "configuration " + ", ".join(f"0x{word:04x}" for word in found)
            raise WrongChip(self.name, self.address, expected="one that keeps all but two bits", found=shown)

    def _is_bare(self, configuration: int) -> bool:
        """Say whether this is an emulator: no limits, no identity, and a configuration that a TMP102 never has."""
        others = (self.write_read(bytes([register]), 2) for register in (0x02, 0x03, 0x0F))
        return configuration & ~SETTINGS & KEPT == 0 and not any(any(word) for word in others)

    def _keeps_limit(self, configuration: int) -> bool:
        """Say whether this is an emulator that keeps all, but begins as a TMP102; its lower limit is put back."""
        interrupted = configuration in (SHUT_DOWN | ONE_HERTZ, SHUT_DOWN | FOUR_HERTZ)  # an `identify` that broke off
        if not interrupted and configuration & (ALWAYS_ONE | 0x000F) != ALWAYS_ONE:
            return False
        before = LOW_LIMIT.decode(self.write_read(b"\x02", 2))
        self.always = self.sent = ALWAYS_ONE
        self.write(CONFIGURATION.encode(ALWAYS_ONE | SETTINGS))
        self.write(LOW_LIMIT.encode(TRIAL))
        kept, configuration = LOW_LIMIT.decode(self.write_read(b"\x02", 2)), self.configuration()
        self.write(LOW_LIMIT.encode(before))
        return kept == TRIAL and configuration & KEPT == ALWAYS_ONE | SETTINGS

    def configure(self) -> Waits:
        """Shut it down, once it has shown whether it keeps even the bit that begins a conversion, as no TMP102 does."""
        self.begin(FOUR_HERTZ | FINISHED)
        yield CONVERTING_TAKES
        self.continuous = bool(self.configuration() & FINISHED)
        self.begin(SETTINGS)

    def measure(self) -> Reading:
        """Return temperature in °C.

        Raises:
            NotReady: the conversion does not end. LostPower: it went back to its power-on settings.
            InvalidReading: unused bits are set. ChecksumError: two reads differ.
        """
        if self.continuous:
            self.begin(EIGHT_HERTZ)
            yield CYCLE_TAKES
        else:
            self.begin(SETTINGS | FINISHED)  # another chip would not add the two bits
            yield CONVERTING_TAKES
            for _ in range(POLLS):
                if self.is_finished():
                    break
                yield AGAIN
            else:
                raise NotReady(f"{self.name}: the conversion does not end")
        data = crc.agreed(self.write_read(b"\x00", 2), self.write_read(b"\x00", 2))
        self.is_finished()  # once more: after a loss of power the temperature is 0
        if data[1] & 0x0F:
            raise InvalidReading(f"{self.name}: unused bits are set in {data.hex(' ')}; the line floats")
        return {"temperature": celsius(TEMPERATURE.of(int.from_bytes(data, "big")))}

    def begin(self, settings: int) -> None:
        """Write settings, and remember them."""
        self.settings = settings & ~FINISHED
        self.write(CONFIGURATION.encode(self.sent | settings))

    def configuration(self) -> int:
        """Return the configuration register."""
        return CONFIGURATION.decode(self.write_read(b"\x01", 2))

    def is_finished(self) -> bool:
        """Say whether a conversion is over; raise LostPower when the settings are not those of `measure`."""
        configuration = self.configuration()
        if configuration & KEPT != self.always | self.settings:
            raise LostPower(f"{self.name}: configuration is 0x{configuration:04x}, not as written: power was lost")
        return bool(configuration & FINISHED)


def celsius(code: int) -> float:
    """Return °C from the signed twelve bits of the temperature register."""
    return code * 0.0625
