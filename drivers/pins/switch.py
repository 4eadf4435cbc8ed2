"""What a contact, a motion sensor and a button have in common: a line that is on or off, and its edges."""

from __future__ import annotations

from typing import Annotated, ClassVar

from ..bus.gpio import GpioLine
from ..chip import BCM, DURATION, Among, Driver, Measurement, Within
from .edges import Edges, Told
from .options import PULLS, bcm, one_of, seconds


class Switch(Driver):
    """A line that is on or off. No level proves that a device is connected: a loose wire reads as the pull says.

    Args:
        pin: BCM number.
        pull: `up`, `down` or `none`: the Pi's own resistor.
        active_low: whether a low level means 1; by default it does when the line is pulled up.
        bounce: how long a line may bounce after it changed, in seconds or as `"20ms"`.
        max_rate: how many changes a second are reported; the rest is counted in `suppressed`.
    """

    bus_name: ClassVar[str] = "gpio"
    # The edges come by themselves; a reading only looks at the line.
    holds = 0.0005
    pulled: ClassVar[str] = "up"
    bounces: ClassVar[float] = 0.02
    always_listens: ClassVar[bool] = False

    def __init__(
        self,
        *,
        pin: Annotated[int, BCM],
        pull: Annotated[str, Among(PULLS)] | None = None,
        active_low: bool | None = None,
        bounce: Annotated[float | str, DURATION] | None = None,
        max_rate: Annotated[float, Within(1, 1000, "changes a second")] = 20,
    ) -> None:
        pull = one_of(pull or self.pulled, "pull", PULLS)
        if not isinstance(active_low, bool | None):
            raise ValueError(f"active_low is {active_low!r}, neither true nor false")
        if isinstance(max_rate, bool) or not 1 <= max_rate <= 1000:
            raise ValueError(f"max_rate is {max_rate!r}, not 1..1000 changes a second")
        self.active_low = pull == "up" if active_low is None else active_low
        self.line = GpioLine(bcm(pin), self.name, pull=pull)
        quiet = self.bounces if bounce is None else seconds(bounce, "bounce")
        self.edges = Edges(self._look, quiet=quiet, most=max_rate)

    @property
    def suppressed(self) -> int:
        """How many changes were not reported because there were too many."""
        return self.edges.suppressed

    def configure(self) -> None:
        """Open the line, listen if there is a watcher, and report what changed meanwhile."""
        self.line.open()
        if self.always_listens or self.edges.tell:
            self.line.listen(self._heard)
        self.edges.settle()

    def measure(self) -> Measurement:
        """Return the state, 1 for active.

        Raises:
            BusError: the line cannot be read.
        """
        self._raise_failure()
        state = self._look()
        # reports an edge that the kernel lost
        self.edges.settle()
        return {"state": state}

    def watch(self, callback: Told) -> None:
        """Call `callback(value, at)` on each change from now on, in a thread of the backend; `at` is monotonic seconds.

        Raises:
            PermanentError, TransientError: the line cannot be opened now; reporting begins with the next good reading.
        """
        self.edges.tell = callback
        if self.known:
            self.line.listen(self._heard)
            self.edges.settle()
        else:
            self.setup()

    def close(self) -> None:
        """Give the pin back. Never raises."""
        self.known = False
        self.edges.forget()
        self.line.close()

    def _look(self) -> int:
        return self.line.read() ^ self.active_low

    def _heard(self, _ticks: float, level: int) -> None:
        self.edges.edge(level ^ self.active_low)

    def _raise_failure(self) -> None:
        """Raise what a watcher raised in the backend's thread, where nothing would notice it."""
        failure, self.edges.failure = self.edges.failure, None
        if failure is not None:
            raise failure
