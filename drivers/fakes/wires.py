"""Fake wires of a stuck bus: pins on SCL, SDA and the sensors' supply, and a chip that lets go at the right signs.

Source: NXP UM10204, section "Bus clear": nine clocks bring a chip that holds SDA low to the end of its byte.
"""

from __future__ import annotations

from .kernel import FakeBus
from .pins import FakeLine, mock_pins

CLOCKS = 9


class FakeWires:
    """Ends a bus's faults of the kind `stuck` after nine clocks on `scl`, or when `power` goes off and on.

    Attributes:
        clocks: rising edges on SCL that were counted. cycles: how often the power came back.
        holds: which line the chip holds low while the bus is stuck: "sda", which clocks cure, or "scl".
    """

    def __init__(
        self,
        bus: FakeBus,
        scl: int | None = None,
        sda: int | None = None,
        power: int | None = None,
        *,
        holds: str = "sda",
    ) -> None:
        self.bus, self.holds = bus, holds
        self.clocks = self.cycles = 0
        self.lines = {
            role: mock_pins().pin(number, Wire)
            for role, number in (("scl", scl), ("sda", sda), ("power", power))
            if number is not None
        }
        for role, line in self.lines.items():
            line.wires, line.role = self, role
            # Pulled up on the board. gpiozero's mock has no other way to set a level without an edge.
            line._state = True  # noqa: SLF001

    def stuck(self) -> bool:
        """Whether a chip holds the bus at this moment."""
        now = self.bus.clock() - self.bus.began
        return any(fault.kind == "stuck" and fault.active(now) for fault in self.bus.faults.all)

    def rose(self, role: str) -> None:
        """See a rising edge."""
        if role == "scl" and self.holds == "sda":
            self.clocks += 1
            if self.clocks >= CLOCKS:
                self.end()
        elif role == "power":
            self.cycles += 1
            self.end()
            for _, chip in self.bus.everyone():
                chip.lose_power()

    def end(self) -> None:
        """Let the bus go."""
        for fault in list(self.bus.faults.all):
            if fault.kind == "stuck":
                self.bus.faults.remove(fault)


class Wire(FakeLine):
    """A pin on one of these wires; reads low while the chip holds it."""

    wires: FakeWires | None = None
    role = ""

    def _get_state(self) -> bool:
        held = self.wires is not None and self.role == self.wires.holds and self.wires.stuck()
        return bool(self._state) and not held

    def _change_state(self, value: bool) -> bool:
        changed = bool(super()._change_state(value))
        if changed and value and self.wires is not None:
            self.wires.rose(self.role)
        return changed
