"""What a current does to a fake power monitor: it feels volts, over its shunt and at its bus."""

from __future__ import annotations

from .chip import FakeWords


class FakeMonitor(FakeWords):
    """Feels `bus_voltage` and `shunt_voltage`; `current` in A and `power` in W are felt as what they do to these.

    Attributes:
        shunt_ohms: the shunt on the board.
        most: volts that it can measure over the shunt, and at the bus.
    """

    shunt_ohms = 0.1
    most = (0.0, 0.0)

    def feel(self, **world: float) -> None:
        """Change what the chip feels. A power that the present bus voltage would not give within the range of the
        shunt comes with the highest bus voltage.

        Raises:
            TypeError: the chip cannot feel this, or two of the values speak of the same.
        """
        over_shunt = [name for name in ("shunt_voltage", "current", "power") if name in world]
        if len(over_shunt) > 1:
            raise TypeError(f"a {self.name} feels only one of {', '.join(over_shunt)} at once")
        if "power" in world:
            watts, volts = world.pop("power"), world.get("bus_voltage", self.world["bus_voltage"])
            if abs(watts) * self.shunt_ohms > self.most[0] * volts:
                volts = self.most[1]
            world |= {"bus_voltage": volts, "current": watts / volts if volts else 0.0}
        if "current" in world:
            world["shunt_voltage"] = world.pop("current") * self.shunt_ohms
        super().feel(**world)
