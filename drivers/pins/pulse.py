"""A pulse output (water, power or rain meter, anemometer, flow sensor): counted in the backend's thread, never lost.

A loose wire cannot be distinguished from a meter that stands still. The kernel keeps 16 edges per line until the
backend fetches them, and Python needs about 50 µs for each, which allows about 1 kHz.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar

from ..bus.clock import now
from ..bus.gpio import GpioLine
from ..chip import BCM, DURATION, Among, Driver, Quantity, Reading
from .options import EDGES, PULLS, bcm, one_of, seconds

# Seconds. A frequency over a shorter time is too coarse.
WINDOW = 0.5


class Pulse(Driver):
    """Counts edges since the start; the frequency is the edges since the last reading over the time that passed.

    Args:
        pin: BCM number.
        pull: `up` (open collector, reed contact), `down` or `none`.
        edges: which ones count: `rising`, `falling` or `both`; by default those that begin a pulse: away from where
            the resistor holds the line, so `falling` with pull `up`, else `rising`.
        bounce: edges nearer to the last counted one are not counted, in seconds or as `"5ms"`.
    """

    name = "pulse"
    bus_name: ClassVar[str] = "gpio"
    # The edges come by themselves; a reading only looks at the line.
    holds = 0.0005
    takes = 1.0
    quantities = (
        Quantity("count", "", None, 0, step=1, noisy=False),
        Quantity("frequency", "Hz", "frequency", 0, step=0.001, noisy=False),
    )
    clock: Callable[[], float] = staticmethod(now)

    def __init__(
        self,
        *,
        pin: Annotated[int, BCM],
        pull: Annotated[str, Among(PULLS)] = "up",
        edges: Annotated[str, Among(EDGES)] | None = None,
        bounce: Annotated[float | str, DURATION] = 0.0,
    ) -> None:
        self.line = GpioLine(bcm(pin), self.name, pull=one_of(pull, "pull", PULLS))
        edges = ("falling" if pull == "up" else "rising") if edges is None else edges
        self.edges = one_of(edges, "edges", EDGES)
        self.quiet = seconds(bounce, "bounce")
        self.count = 0
        # In the backend's ticks.
        self._last_edge: float | None = None
        # Count and time of the last reading.
        self._since = (0, 0.0)

    def configure(self) -> None:
        """Open the line and count from now on; earlier counts are kept."""
        self.line.open()
        self._last_edge = None
        self._since = (self.count, self.clock())
        self.line.listen(self._heard, self.edges)

    def measure(self) -> Reading:
        """Return the count, and the frequency in Hz over the measured time since the last reading (0.5 s at least)."""
        # Raises if the line is gone, because then nothing was counted.
        self.line.read()
        counted, at = self._since
        passed = self.clock() - at
        if passed < WINDOW:
            yield WINDOW - passed
            passed = WINDOW
        count, now = self.count, self.clock()
        passed = max(passed, now - at)
        self._since = (count, now)
        return {"count": count, "frequency": hertz(count - counted, passed)}

    def close(self) -> None:
        """Give the pin back. Never raises."""
        self.known = False
        self.line.close()

    def _heard(self, ticks: float, _level: int) -> None:
        if self.quiet and self._last_edge is not None and self.line.seconds(ticks, self._last_edge) < self.quiet:
            return
        self._last_edge = ticks
        self.count += 1


def hertz(edges: int, seconds: float) -> float:
    """Return edges per second."""
    return edges / seconds
