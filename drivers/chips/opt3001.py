"""Texas Instruments OPT3001: illuminance on I2C.

Source: Texas Instruments "OPT3001" (SBOS681C), sections "Electrical Characteristics", "Automatic Full-Scale Setting
Mode" and "Register Maps".
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any

from ..chip import Among, I2cChip, Quantity, Question, Reading, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip
from ..registers import Field, Register

RESULT, CONFIG = Register(0x00, 2), Register(0x01, 2)
MANUFACTURER, MANUFACTURER_ID = Register(0x7E, 2), 0x5449
DEVICE, DEVICE_ID = Register(0x7F, 2), 0x3001
EXPONENT, MANTISSA = Field(15, 12), Field(11, 0)

# Of the configuration: automatic range, and a single conversion. The latch of the alert is off, but on after power-on.
AUTOMATIC, SINGLE = 0xC000, Field(10, 9).put(0b01)
LONG = Field(11, 11)
OVERFLOW, READY = 0x0100, 0x0080
# What was written and stays: range, time, latch, polarity, mask, fault count. The mode returns to shut down.
KEPT = 0xF81F
# Seconds, the maximum (§6.5) with 3 ms to begin, 10 ms to find the range; and 10 %.
CONVERTING_TAKES = {100: 1.1 * (0.110 + 0.013), 800: 1.1 * (0.880 + 0.013)}
POLLS, AGAIN = 4, 0.1
# Of twelve; the mantissa goes on to 4095 in the last one.
LAST_RANGE = 0b1011
MOST = 83_865.6


class Opt3001(I2cChip):
    """One OPT3001, shut down between readings. It finds its range by itself.

    Args:
        integration_ms: 100 or 800; at 100 the finest step is 0.08 lx instead of 0.01.
    """

    name = "opt3001"
    addresses = (0x44, 0x45, 0x46, 0x47)
    questions = (
        Question(b"\x7f", 2, says(b"\x30\x01")),
        Question(b"\x7e", 2, says(b"\x54\x49")),
    )
    takes = 2.0
    quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, MOST - 20.48, 0.01, noisy=False),)

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        integration_ms: Annotated[int, Among((100, 800))] = 800,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        if integration_ms not in CONVERTING_TAKES:
            raise ValueError(f"integration_ms: {integration_ms!r} is none of 100, 800")
        self.converting_takes = CONVERTING_TAKES[integration_ms]
        self.settings = AUTOMATIC | LONG.put(integration_ms == 800)
        step = 0.01 if integration_ms == 800 else 0.08
        self.quantities = (Quantity("illuminance", "lx", "illuminance", 0.0, MOST - 20.48, step, noisy=False),)

    def identify(self) -> None:
        """Look at both identity registers.

        Raises:
            WrongChip: something else answers.
        """
        for register, expected in ((MANUFACTURER, MANUFACTURER_ID), (DEVICE, DEVICE_ID)):
            if (found := self.get(register)) != expected:
                raise WrongChip(self.name, self.address, expected=expected, found=found)

    def measure(self) -> Reading:
        """Return illuminance in lx; in too bright light, what is known of it.

        Raises:
            NotReady: the conversion never ended. LostPower: the configuration is gone. ChecksumError: two reads differ.
            InvalidReading: a range that does not exist.
        """
        # A read clears the flag of the conversion before.
        self.get(CONFIG)
        self.put(CONFIG, self.settings | SINGLE)
        yield self.converting_takes
        config = yield from self._converted()
        code = self.get_twice(RESULT, between=self._still_set)
        if EXPONENT.of(code) > LAST_RANGE:
            raise InvalidReading(f"{self.name}: 0x{code:04x} is of a range that does not exist: a line is stuck")
        if config & OVERFLOW or code >= EXPONENT.put(LAST_RANGE) | MANTISSA.put(0xFFF):
            return {"illuminance": self.beyond("illuminance", at_least=MOST)}
        return {"illuminance": lux(code)}

    def _converted(self) -> Generator[float, None, int]:
        """Return the configuration, once it says that the conversion is over."""
        for _ in range(POLLS):
            config = self.get(CONFIG)
            self._check(config)
            if config & READY:
                return config
            yield AGAIN
        raise NotReady(f"{self.name}: the conversion did not end")

    def _still_set(self) -> None:
        self._check(self.get(CONFIG))

    def _check(self, config: int) -> None:
        if config & KEPT != self.settings:
            raise LostPower(
                f"{self.name}: the configuration is 0x{config:04x}, written was 0x{self.settings | SINGLE:04x}"
            )


def lux(code: int) -> float:
    """Return lx from the result: 0.01 lx times a mantissa, doubled by each step of the exponent (equation 3)."""
    return 0.01 * (MANTISSA.of(code) << EXPONENT.of(code))
