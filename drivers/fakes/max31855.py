"""Fake MAX31855, from Maxim's 19-5793: a frame of 32 bits, sent again with each selection."""

from __future__ import annotations

from .chip import clamp
from .spi import FakeSpi

WIRE_FAULTS = {"open": 1, "short_to_ground": 2, "short_to_supply": 4}


class FakeMax31855(FakeSpi):
    """Feels the thermocouple and the cold junction in °C; `open`, `short_to_ground`, `short_to_supply`: its wires."""

    name = "max31855"
    senses = {"temperature": 180.0, "reference_temperature": 24.0}
    kinds = (*FakeSpi.kinds, *WIRE_FAULTS)

    def frame(self) -> bytes:
        """Return the 32 bits that the chip sends now (table 1)."""
        fault = WIRE_FAULTS.get(self.fault, 0)
        # An open thermocouple reads full scale.
        hot = 0x1FFF if fault else clamp(self.world["temperature"] * 4, -0x2000, 0x1FFF)
        cold = clamp(self.world["reference_temperature"] * 16, -0x800, 0x7FF)
        return ((hot & 0x3FFF) << 18 | bool(fault) << 16 | (cold & 0xFFF) << 4 | fault).to_bytes(4, "big")

    def select(self) -> int:
        self.rest: list[int] = [*self.frame(), *bytes(64)]
        return self.rest.pop(0)

    def exchange(self, byte: int) -> int:
        return self.rest.pop(0) if self.rest else 0
