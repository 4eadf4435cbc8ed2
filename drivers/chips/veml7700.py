"""Vishay VEML7700: illuminance on I2C.

Sources: Vishay "VEML7700" datasheet (document 84286), section "Command Register Format"; application note "Designing
the VEML7700 Into an Application" (document 84323) for the resolution and the correction above 1000 lx.
"""

from __future__ import annotations

from typing import Any

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading
from ..errors import InvalidReading, LostPower, WrongChip
from ..registers import Field, Register

CONFIG = Register(0x00, 2, "little")
HIGH_THRESHOLD = Register(0x01, 2, "little")
POWER_SAVING = Register(0x03, 2, "little")
LIGHT = Register(0x04, 2, "little")
IDENTITY = Register(0x07, 2, "little")
DEVICE, DEVICE_ID = Field(7, 0), 0x81

GAIN, GAINS = Field(12, 11), {1: 0b00, 2: 0b01, 0.125: 0b10, 0.25: 0b11}
INTEGRATION, INTEGRATIONS = Field(9, 6), {25: 0b1100, 50: 0b1000, 100: 0b0000, 200: 0b0001, 400: 0b0010, 800: 0b0011}
WITNESS = 0x0010  # persistence of two: means nothing without interrupts, but is never there after power-on
SHUT_DOWN = 0x0001
STARTING_TAKES = 0.0025
TRIAL = 0x5AA5  # its bytes are none of any configuration
SATURATED = 0xFFFF
LINEAR_UP_TO = 1000.0  # lx


class Veml7700(I2cChip):
    """One VEML7700. Begins each integration itself: light is told as it is felt, not as it was.

    Older chips lack the identity register: then proven is only that a threshold of 16 bits keeps what is written.
    A VEML6030 cannot be told from it, and need not be: it measures alike.

    Args:
        gain: 0.125, 0.25, 1 or 2. At 0.125 and 100 ms the chip counts up to 35 klx in steps of 0.54 lx.
        integration_ms: 25, 50, 100, 200, 400 or 800.
    """

    name = "veml7700"
    addresses = (0x10,)
    probes = (Probe(b"\x07", 2, lambda identity: identity[0] == 0x81, decides=False),)  # newer ones have it
    takes = 2.0
    quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, 120_000.0, 0.5376),)

    def __init__(self, bus: Any, address: int | None = None, *, gain: float = 0.125, integration_ms: int = 100) -> None:
        super().__init__(bus, address)
        if gain not in tuple(GAINS):
            raise ValueError(f"gain: {gain!r} is none of 0.125, 0.25, 1, 2")
        if integration_ms not in tuple(INTEGRATIONS):
            raise ValueError(f"integration_ms: {integration_ms!r} is none of {', '.join(map(str, INTEGRATIONS))}")
        self.gain, self.integration_ms = gain, integration_ms
        self.settings = GAIN.put(GAINS[gain]) | INTEGRATION.put(INTEGRATIONS[integration_ms]) | WITNESS
        most, step = brightest(gain, integration_ms), linear_lux(1, gain, integration_ms)
        self.quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, most, step),)

    def identify(self) -> None:
        """Look for the identity; where there is none, see that a threshold keeps what is written, and put it back.

        Raises:
            WrongChip: something else answers.
        """
        if DEVICE.of(self._word(IDENTITY)) == DEVICE_ID:
            return
        config, before = self._word(CONFIG), self._word(HIGH_THRESHOLD)
        self.write(HIGH_THRESHOLD.encode(TRIAL))
        self.write(CONFIG.encode(SHUT_DOWN))  # in a memory of bytes this changes the threshold, too
        kept = self._word(HIGH_THRESHOLD)
        self.write(CONFIG.encode(config))
        self.write(HIGH_THRESHOLD.encode(before))
        if kept != TRIAL:
            expected = f"0x{TRIAL:04x} as threshold after it was written"
            raise WrongChip(self.name, self.address, expected=expected, found=f"0x{kept:04x}")

    def configure(self) -> None:
        """Switch the pauses between integrations off."""
        self.write(POWER_SAVING.encode(0))

    def measure(self) -> Reading:
        """Return illuminance in lx, of integrations that begin now.

        Raises:
            LostPower: the configuration is gone. ChecksumError: two reads differ.
            InvalidReading: too bright for this gain and integration.
        """
        self.write(CONFIG.encode(self.settings | SHUT_DOWN))
        self.write(CONFIG.encode(self.settings))
        yield STARTING_TAKES
        for _ in range(2):  # the second one, should the first have begun before
            yield 1.1 * self.integration_ms / 1000
        address = bytes([LIGHT.address])
        counts = LIGHT.decode(crc.agreed(self.write_read(address, 2), self.write_read(address, 2)))
        config = self._word(CONFIG)
        if config != self.settings:
            raise LostPower(f"{self.name}: the configuration is 0x{config:04x}, written was 0x{self.settings:04x}")
        if counts == SATURATED:
            raise InvalidReading(f"{self.name}: too bright; lower the gain or integration_ms")
        return {"illuminance": lux(counts, self.gain, self.integration_ms)}

    def _word(self, register: Register) -> int:
        return register.decode(self.write_read(bytes([register.address]), 2))


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
