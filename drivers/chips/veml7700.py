"""Vishay VEML7700: illuminance on I2C.

Sources: Vishay "VEML7700" datasheet (document 84286), section "Command Register Format"; application note "Designing
the VEML7700 Into an Application" (document 84323) for the resolution and the correction above 1000 lx.
"""

from __future__ import annotations

from typing import Annotated, Any

from ..chip import Among, I2cChip, Quantity, Question, Reading
from ..errors import ChecksumError, InvalidReading, LostPower, WrongChip
from ..registers import Field, Register

CONFIG = Register(0x00, 2, "little")
HIGH_THRESHOLD = Register(0x01, 2, "little")
POWER_SAVING = Register(0x03, 2, "little")
LIGHT = Register(0x04, 2, "little")
IDENTITY = Register(0x07, 2, "little")
DEVICE, DEVICE_ID = Field(7, 0), 0x81

GAIN, GAINS = Field(12, 11), {1: 0b00, 2: 0b01, 0.125: 0b10, 0.25: 0b11}
INTEGRATION, INTEGRATIONS = Field(9, 6), {25: 0b1100, 50: 0b1000, 100: 0b0000, 200: 0b0001, 400: 0b0010, 800: 0b0011}
SHUT_DOWN = 0x0001
STARTING_TAKES = 0.0025
# Of two: means nothing without interrupts, but is never there after power-on.
PERSISTENCE = 0x0010
# Written to the high threshold, which means nothing without interrupts either: a line at one byte does not show it.
WITNESS = 0x5AA5
SATURATED = 0xFFFF
LINEAR_UP_TO = 1000.0  # lx


class Veml7700(I2cChip):
    """One VEML7700. Begins each integration itself, so a value is of now.

    Older chips lack the identity register; then all that is known is that a threshold of 16 bits keeps what is written.
    A VEML6030 cannot be distinguished from it, and need not be: it measures alike.

    Args:
        gain: 0.125, 0.25, 1 or 2. At 0.125 and 100 ms the chip counts up to 35 klx in steps of 0.54 lx.
        integration_ms: 25, 50, 100, 200, 400 or 800.
    """

    name = "veml7700"
    addresses = (0x10,)
    questions = (Question(b"\x07", 2, lambda identity: identity[0] == 0x81, decides=False),)  # newer ones have it
    takes = 2.0
    quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, 120_000.0, 0.5376, noisy=False),)

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        gain: Annotated[float, Among(tuple(GAINS))] = 0.125,
        integration_ms: Annotated[int, Among(tuple(INTEGRATIONS))] = 100,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        if gain not in tuple(GAINS):
            raise ValueError(f"gain: {gain!r} is none of 0.125, 0.25, 1, 2")
        if integration_ms not in tuple(INTEGRATIONS):
            raise ValueError(f"integration_ms: {integration_ms!r} is none of {', '.join(map(str, INTEGRATIONS))}")
        self.gain, self.integration_ms = gain, integration_ms
        self.witness = WITNESS
        self.settings = GAIN.put(GAINS[gain]) | INTEGRATION.put(INTEGRATIONS[integration_ms]) | PERSISTENCE
        most, step = brightest(gain, integration_ms), linear_lux(1, gain, integration_ms)
        self.quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, most, step, noisy=False),)

    def identify(self) -> None:
        """Look for the identity; where there is none, see that a threshold keeps what is written, and put it back.

        Raises:
            WrongChip: something else answers.
        """
        if DEVICE.of(self.get(IDENTITY)) == DEVICE_ID:
            return
        config, before = self.get(CONFIG), self.get(HIGH_THRESHOLD)
        self.put(HIGH_THRESHOLD, WITNESS)
        # in a memory of bytes this changes the threshold, too
        self.put(CONFIG, SHUT_DOWN)
        kept = self.get(HIGH_THRESHOLD)
        self.put(CONFIG, config)
        self.put(HIGH_THRESHOLD, before)
        if kept != WITNESS:
            expected = f"0x{WITNESS:04x} as threshold after it was written"
            raise WrongChip(self.name, self.address, expected=expected, found=f"0x{kept:04x}")

    def configure(self) -> None:
        """Switch the pauses between integrations off, and leave a witness."""
        # Read back, for it is not looked at afterwards.
        self.command(POWER_SAVING, 0, lambda found: found == 0)
        self.put(HIGH_THRESHOLD, WITNESS)
        self.witness = self.get_twice(HIGH_THRESHOLD)

    def measure(self) -> Reading:
        """Return illuminance in lx, of integrations that begin now; in too bright light, what is known of it.

        Raises:
            LostPower: the configuration is gone. ChecksumError: two reads differ. InvalidReading: the line is stuck.
        """
        self.put(CONFIG, self.settings | SHUT_DOWN)
        self.put(CONFIG, self.settings)
        yield STARTING_TAKES
        for _ in range(2):
            # the second one, should the first have begun before
            yield 1.1 * self.integration_ms / 1000
        # Configuration and witness are read between the two: a line that fails for a moment cannot damage both unseen.
        counts, config, witness = self.get(LIGHT), self.get(CONFIG), self.get(HIGH_THRESHOLD)
        if counts != self.get(LIGHT):
            raise ChecksumError(f"{self.name}: two reads of one integration differ; shorten or shield the cable")
        if (config, witness) != (self.settings, self.witness):
            found, written = (f"0x{a:04x}, 0x{b:04x}" for a, b in ((config, witness), (self.settings, self.witness)))
            raise LostPower(f"{self.name}: configuration and threshold are {found}, written was {written}")
        if counts == config == witness:
            raise InvalidReading(f"{self.name}: all registers are 0x{counts:04x}: a line is stuck")
        value = lux(counts, self.gain, self.integration_ms)
        end = self.quantities[0].high
        if counts == SATURATED or value > end:
            beyond = self.beyond("illuminance", at_least=end, hint="lower the gain or integration_ms")
            return {"illuminance": beyond}
        return {"illuminance": value}


def linear_lux(counts: int, gain: float, integration_ms: int) -> float:
    """Return lx from the counts, before any correction: 0.0042 lx at gain 2 and 800 ms (section "Resolution")."""
    return counts * 0.0042 * (800 / integration_ms) * (2 / gain)


def lux(counts: int, gain: float, integration_ms: int) -> float:
    """Return lx from the counts; above 1000 lx with the application note's correction of the 4th degree."""
    x = linear_lux(counts, gain, integration_ms)
    if x <= LINEAR_UP_TO:
        return x
    return float(((6.0135e-13 * x - 9.3924e-9) * x + 8.1488e-5) * x * x + 1.0023 * x)


def brightest(gain: float, integration_ms: int) -> float:
    """Return the most lx that the counts can say, up to 120 klx (section "Features")."""
    fits, beyond = 0, SATURATED
    while beyond - fits > 1:
        middle = (fits + beyond) // 2
        if lux(middle, gain, integration_ms) <= 120_000:
            fits = middle
        else:
            beyond = middle
    return lux(fits, gain, integration_ms)
