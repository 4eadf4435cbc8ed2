"""What power monitors with a shunt have in common: two voltages are measured, current and power follow from them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from ..chip import I2cChip, Quantity, Untold, Within

# The resistance of a shunt, as a driver's option.
Ohms = Annotated[float, Within(0.0, 1000.0, "Ω", above=True)]


def checked_ohms(shunt_ohms: float) -> float:
    """Return the resistance of a shunt.

    Raises:
        ValueError: it is none.
    """
    if isinstance(shunt_ohms, bool) or not isinstance(shunt_ohms, int | float) or not 0 < shunt_ohms <= 1000:
        raise ValueError(f"shunt_ohms: {shunt_ohms!r} is no resistance; write ohms above 0, such as 0.1")
    return shunt_ohms


class ShuntMonitor(I2cChip):
    """A chip that measures the voltage of a bus and the voltage over a shunt.

    Current and power are computed here: the chip's own need a calibration that a brown-out wipes.

    Args:
        shunt_ohms: the shunt's resistance; 0.1 on most boards.

    Attributes:
        most: volts over the shunt, and of the bus, that are still told.
        steps: the same of one digit.
    """

    addresses = tuple(range(0x40, 0x50))
    most: ClassVar[tuple[float, float]]
    steps: ClassVar[tuple[float, float]]

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.quantities = cls.quantities_with(0.1)

    def __init__(
        self,
        bus: Any,
        address: int | None = None,
        *,
        shunt_ohms: Ohms = 0.1,
        identity: str = "strict",
    ) -> None:
        super().__init__(bus, address, identity=identity)
        self.shunt_ohms = checked_ohms(shunt_ohms)
        self.quantities = self.quantities_with(shunt_ohms)

    @classmethod
    def quantities_with(cls, shunt_ohms: float) -> tuple[Quantity, ...]:
        """Return what is measured with a shunt of `shunt_ohms`: its resistance sets the range of current and power."""
        (shunt, bus), (shunt_step, bus_step) = cls.most, cls.steps
        amperes, step = shunt / shunt_ohms, shunt_step / shunt_ohms
        return (
            Quantity("bus_voltage", "V", "voltage", 0.0, bus, bus_step),
            Quantity("shunt_voltage", "V", "voltage", -shunt, shunt, shunt_step),
            Quantity("current", "A", "current", -amperes, amperes, step),
            Quantity("power", "W", "power", -bus * amperes, bus * amperes, bus * step),
        )

    def told(self, across: float, volts: float, *, shunt_stops: bool, bus_stops: bool) -> dict[str, float | Untold]:
        """Return what follows from the two voltages; at a stop of the chip the true value lies beyond.

        Args:
            across, volts: over the shunt, and of the bus.
            shunt_stops, bus_stops: whether the chip stopped there.
        """
        amperes = across / self.shunt_ohms
        told: dict[str, float | Untold] = {
            "bus_voltage": volts,
            "shunt_voltage": across,
            "current": amperes,
            "power": volts * amperes,
        }
        beyond = {"shunt_voltage", "current", "power"} if shunt_stops else set()
        if bus_stops:
            beyond |= {"bus_voltage", "power"}
        for name in beyond:
            value = told[name]
            assert isinstance(value, float)
            hint = "take a smaller shunt" if shunt_stops else "the bus voltage is too high for this chip"
            bound = {"at_most": value} if value < 0 else {"at_least": value}
            told[name] = self.beyond(name, hint=hint, **bound)
        return told
