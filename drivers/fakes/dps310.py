"""Fake DPS310, from Infineon's datasheet: one measurement on command, ready bits that a read of the result clears.

Source: Infineon "DPS310" V1.2: register map with reset values, coefficients' layout, measurement times, compensation,
here turned round by a search. Coefficients as of a real chip. Chips with bad fuses: Infineon's library.
"""

from __future__ import annotations

from .chip import FakeRegisters, Nack, solve

COEFFICIENTS = {"c0": 204, "c1": -261, "c00": 80469, "c10": -54469, "c01": -2803}
COEFFICIENTS |= {"c11": 1226, "c20": -10787, "c21": 183, "c30": -1603}
WIDTHS = (12, 12, 20, 20, 16, 16, 16, 16, 16)
# By the oversampling's code: factor of the scale, and time of a measurement in seconds.
SCALES = (524288, 1572864, 3670016, 7864320, 253952, 516096, 1040384, 2088960)
TIMES = (0.0036, 0.0052, 0.0084, 0.0148, 0.0276, 0.0532, 0.1044, 0.2068)
SENSOR_IN, COEFFICIENTS_IN = 0.012, 0.040
UNTRIMMED = 40.0
WRITABLE = (0x06, 0x07, 0x09, 0x0E, 0x0F, 0x62)


def packed() -> bytes:
    """Return the coefficients as the registers hold them."""
    bits = 0
    order = ("c0", "c1", "c00", "c10", "c01", "c11", "c20", "c21", "c30")
    for name, width in zip(order, WIDTHS, strict=True):
        bits = bits << width | COEFFICIENTS[name] & (1 << width) - 1
    return bits.to_bytes(18, "big")


def celsius(t: float) -> float:
    """Return °C of a scaled temperature."""
    return COEFFICIENTS["c0"] / 2 + COEFFICIENTS["c1"] * t


def pascals(p: float, t: float) -> float:
    """Return Pa of a scaled pressure at a scaled temperature."""
    c = COEFFICIENTS
    of_p = c["c00"] + c["c10"] * p + c["c20"] * p**2 + c["c30"] * p**3
    return of_p + c["c01"] * t + c["c11"] * t * p + c["c21"] * t * p**2


class FakeDps310(FakeRegisters):
    """Feels temperature in °C and pressure in hPa."""

    name = "dps310"
    addresses = (0x77, 0x76)
    senses = {"temperature": 21.5, "pressure": 1009.4}
    parts = ("pressure",)
    # Some are told wrong temperatures by their fuses until they are put right.
    specimens: tuple[dict[str, bool], ...] = ({}, {"has_bad_fuses": True})
    has_bad_fuses = False

    def power_on(self) -> None:
        self.bank = bytearray(256)
        self.bank[0x0D] = 0x10
        self.bank[0x28] = 0x80
        self.bank[0x32] = 0x00 if self.has_bad_fuses else 0x02
        self.fill(0x10, packed())
        self.started_at = self.clock()
        self.mode = 0
        self.is_trimmed = False

    def on_write(self, data: bytes) -> None:
        if self.clock() < self.started_at + 0.0025 - 1e-9:
            raise Nack
        super().on_write(data)

    def store(self, register: int, value: int) -> None:
        if register == 0x0C and value & 0x0F == 0x09:
            self.power_on()
        elif register == 0x08:
            self.refresh()
            self.mode = value & 7
            if self.mode in (1, 2):
                self.busy_for(TIMES[self.bank[0x06 if self.mode == 1 else 0x07] & 7])
        elif register in WRITABLE:
            self.bank[register] = value
            unlocked = (self.bank[0x0E], self.bank[0x0F]) == (0xA5, 0x96)
            self.is_trimmed = self.is_trimmed or (register == 0x62 and value == 2 and unlocked)

    def refresh(self) -> None:
        now = self.clock() + 1e-9
        started = (now >= self.started_at + COEFFICIENTS_IN) << 7 | (now >= self.started_at + SENSOR_IN) << 6
        if self.mode in (1, 2) and not self.busy:
            self.convert()
            self.bank[0x08] |= 0x10 if self.mode == 1 else 0x20
            self.mode = 0
        self.bank[0x08] = self.bank[0x08] & 0x30 | started | self.mode

    def convert(self) -> None:
        """Put the result of what is felt now into its registers."""
        wrong = UNTRIMMED if self.has_bad_fuses and not self.is_trimmed else 0.0
        if not self.bank[0x07] & 0x80:
            # The other thermometer, which the coefficients are not for.
            wrong += 12.5
        t_scale, p_scale = SCALES[self.bank[0x07] & 7], SCALES[self.bank[0x06] & 7]
        t = solve(-0x800000, 0x7FFFFF, self.world["temperature"] + wrong, lambda raw: celsius(raw / t_scale))
        if self.mode == 2:
            self.fill(0x03, (t & 0xFFFFFF).to_bytes(3, "big"))
            return
        wanted = self.world["pressure"] * 100
        p = solve(-0x800000, 0x7FFFFF, wanted, lambda raw: pascals(raw / p_scale, t / t_scale))
        p = -0x800000 if "pressure" in self.broken else p
        self.fill(0x00, (p & 0xFFFFFF).to_bytes(3, "big"))

    def on_read(self, length: int) -> bytes:
        answer = super().on_read(length)
        if self.pointer <= 0x02:
            self.bank[0x08] &= ~0x10
        if self.pointer <= 0x05 and self.pointer + length > 0x03:
            self.bank[0x08] &= ~0x20
        return answer
