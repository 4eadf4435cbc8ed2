"""Fake VEML7700, from Vishay's datasheet and its application note "Designing the VEML7700": starts shut down."""

from __future__ import annotations

from .chip import FakeWords, solve

CONFIG, HIGH, LOW, SAVING, ALS, WHITE, INTERRUPT, IDENTITY = range(8)
GAINS = (1.0, 2.0, 1 / 8, 1 / 4)  # by bits 12:11
TIMES = {0b1100: 25, 0b1000: 50, 0b0000: 100, 0b0001: 200, 0b0010: 400, 0b0011: 800}  # ms, by bits 9:6
WAKES_AFTER = 0.0025  # seconds
SLOW = 1.1  # the integration of a slow chip


class FakeVeml7700(FakeWords):
    """Feels illuminance in lx; a result stays as it was until the next integration is over."""

    name = "veml7700"
    addresses = (0x10,)
    order = "little"
    senses = {"illuminance": 320.0}
    defaults = {CONFIG: 0x0001, IDENTITY: 0xC481}

    def power_on(self) -> None:
        super().power_on()
        self.measuring = False

    def store(self, register: int, value: int) -> None:
        self.refresh()
        if register == CONFIG:
            self.bank[CONFIG] = value & 0x1FF3  # the other bits are reserved, 0
            self.measuring = not value & 1
            self.busy_for(WAKES_AFTER + SLOW * self.milliseconds / 1000)
        elif register in (HIGH, LOW, SAVING):
            self.bank[register] = value

    @property
    def milliseconds(self) -> int:
        """The integration time that is configured; a forbidden setting works as 100 ms here."""
        return TIMES.get(self.bank[CONFIG] >> 6 & 15, 100)

    def refresh(self) -> None:
        if self.measuring and not self.busy:
            self.bank[ALS] = self.counts()
            self.bank[WHITE] = min(0xFFFF, 2 * self.bank[ALS])
            self.busy_for(SLOW * self.milliseconds / 1000)

    def counts(self) -> int:
        """Return what the ALS channel counts in this light: above 1000 lx it is no longer linear."""
        resolution = 0.0042 * (800 / self.milliseconds) * (2 / GAINS[self.bank[CONFIG] >> 11 & 3])
        return solve(0, 0xFFFF, self.world["illuminance"], lambda counts: _lux(counts * resolution))


def _lux(linear: float) -> float:
    """Return lx from counts times resolution, with the application note's correction where it applies."""
    if linear <= 1000:
        return linear
    return 6.0135e-13 * linear**4 - 9.3924e-9 * linear**3 + 8.1488e-5 * linear**2 + 1.0023 * linear
