"""A push button: its state, and how often it was pressed, also between two readings."""

from __future__ import annotations

from ..chip import Measurement, Quantity
from .switch import Switch


class Button(Switch):
    """A button between the pin and ground; `pull = "down"` for one to 3.3 V. `count` is presses since the start."""

    name = "button"
    quantities = (
        Quantity("state", "", None, 0, 1, 1e-9, noisy=False, words=("released", "pressed")),
        Quantity("count", "", None, 0, step=1, noisy=False),
    )
    always_listens = True

    def measure(self) -> Measurement:
        """Return the state, 1 for pressed, and the count of presses.

        Raises:
            BusError: the line cannot be read.
        """
        self._raise_failure()
        state = self._look()
        self.edges.settle()
        return {"state": state, "count": self.edges.count}
