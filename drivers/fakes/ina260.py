"""Fake INA260, from Texas Instruments' datasheet (SBOS656C): the logic of an INA226 around a shunt of its own."""

from __future__ import annotations

from .chip import FakeChip, clamp
from .ina226 import CONFIG, DIE, LIMIT, MANUFACTURER, MASK, FakeIna226

AMPERES, VOLTS, WATTS = 1, 2, 3
ABSENT = (4, 5)  # an INA226 has its current and its calibration there


class FakeIna260(FakeIna226):
    """Feels volts at the bus and amperes through its shunt; `power` in W is felt as the current that makes it."""

    name = "ina260"
    senses = {"bus_voltage": 12.0, "current": 0.8}
    defaults = {CONFIG: 0x6127, MASK: 0, LIMIT: 0, MANUFACTURER: 0x5449, DIE: 0x2270}
    fixed = 0x6000

    def feel(self, **world: float) -> None:
        if "power" in world:
            if "current" in world:
                raise TypeError(f"a {self.name} feels only one of current, power at once")
            volts = world.get("bus_voltage", self.world["bus_voltage"])
            world["current"] = world.pop("power") / volts if volts else 0.0
        FakeChip.feel(self, **world)

    def store(self, register: int, value: int) -> None:
        if register not in ABSENT:
            super().store(register, value)

    def convert(self, config: int) -> bool:
        if config & 1:
            self.bank[AMPERES] = clamp(self.world["current"] / 1.25e-3, -0x8000, 0x7FFF) & 0xFFFF
        if config & 2:
            self.bank[VOLTS] = clamp(self.world["bus_voltage"] / 1.25e-3, 0, 0x7FFF)
        amperes = (self.bank[AMPERES] ^ 0x8000) - 0x8000
        watts = int(abs(amperes) * self.bank[VOLTS] * 1.25e-3 * 1.25e-3 / 10e-3)
        self.bank[WATTS] = min(0xFFFF, watts)
        return watts > 0xFFFF
