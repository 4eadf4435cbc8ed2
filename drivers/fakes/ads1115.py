"""Fake ADS1115 and ADS1015, from Texas Instruments' datasheets (SBAS444, SBAS473): one-shot and continuous."""

from __future__ import annotations

from typing import ClassVar

from .chip import FakeWords, clamp

CONVERSION, CONFIG, LOW_THRESHOLD, HIGH_THRESHOLD = range(4)
FULL_SCALE = (6.144, 4.096, 2.048, 1.024, 0.512, 0.256, 0.256, 0.256)  # volts, by the field PGA
PAIRS = ((0, 1), (0, 3), (1, 3), (2, 3), (0, None), (1, None), (2, None), (3, None))  # by the field MUX
SLOW = 1.1  # the internal oscillator is specified to 10 %: this chip is a slow one


class FakeAds1115(FakeWords):
    """Feels volts at its four inputs. Bit OS of the configuration reads 0 while it converts.

    A result appears when the conversion is over; until then the register keeps the one before (0 after power-on).
    """

    name = "ads1115"
    addresses = (0x48, 0x49, 0x4A, 0x4B)
    senses = {"a0": 0.5, "a1": 1.2, "a2": 2.5, "a3": 3.1}
    defaults = {CONVERSION: 0, CONFIG: 0x8583, LOW_THRESHOLD: 0x8000, HIGH_THRESHOLD: 0x7FFF}
    rates: ClassVar[tuple[int, ...]] = (8, 16, 32, 64, 128, 250, 475, 860)  # samples a second, by the field DR
    unused_bits: ClassVar[int] = 0  # at the right of a result

    def power_on(self) -> None:
        super().power_on()
        self.result: int | None = None  # of the conversion that is running

    def on_write(self, data: bytes) -> None:
        super().on_write(bytes([data[0] & 3]) + data[1:])  # two bits of the pointer exist

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONVERSION:
            return  # read-only
        if register == CONFIG:
            starts = value & 0x8000 and self.bank[CONFIG] & 0x0100  # OS counts in power-down only
            self.bank[CONFIG] = value & 0x7FFF
            if self.result is None and (starts or not value & 0x0100):
                self.convert()
            self.refresh()
            return
        unused = (1 << self.unused_bits) - 1
        self.bank[register] = value | unused if register == HIGH_THRESHOLD else value & ~unused

    def convert(self) -> None:
        """Begin a conversion of the input that the configuration selects."""
        self.result = self.sampled()
        self.busy_for(SLOW / self.rates[self.bank[CONFIG] >> 5 & 7])

    def sampled(self) -> int:
        """Return the result for what the selected input feels now."""
        config = self.bank[CONFIG]
        volts = [self.world[f"a{n}"] for n in range(4)]
        plus, minus = PAIRS[config >> 12 & 7]
        difference = volts[plus] - (0.0 if minus is None else volts[minus])
        half = 1 << 15 - self.unused_bits
        code = clamp(difference / FULL_SCALE[config >> 9 & 7] * half, -half, half - 1)
        return code << self.unused_bits & 0xFFFF

    def refresh(self) -> None:
        if self.result is not None and not self.busy:
            self.bank[CONVERSION], self.result = self.result, None
            if not self.bank[CONFIG] & 0x0100:  # continuous: many conversions may have passed meanwhile
                self.bank[CONVERSION] = self.sampled()
                self.convert()
        idle = self.result is None
        self.bank[CONFIG] = self.bank[CONFIG] & 0x7FFF | (0x8000 if idle else 0)


class FakeAds1015(FakeAds1115):
    """The same with 12 bits, left-justified, and faster."""

    name = "ads1015"
    rates = (128, 250, 490, 920, 1600, 2400, 3300, 3300)
    unused_bits = 4
