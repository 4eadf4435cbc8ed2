"""HC-SR04 and similar: distance by ultrasound, from the kernel's timestamps of the echo's two edges.

Source: "HC-SR04 Ultrasonic Module" data sheet, ElecFreaks: trigger of 10 µs, an echo as long as the sound travels, 2 cm
to 4 m, cycle of 60 ms. Echo is a 5 V output and needs a divider. If nothing is in range, the line stays high for 38 ms,
or for 200 ms on boards with another controller; that is an answer, too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Annotated, ClassVar

from ..bus.clock import now
from ..bus.gpio import GpioLine
from ..chip import BCM, Driver, Quantity, Reading, Untold, Waits, Within
from ..errors import NoEcho
from .options import bcm

TRIGGER = 10e-6  # seconds, at least
# Seconds after which the echo has ended and the sound has died away.
CYCLE = 0.06
# Seconds that a ping waits at most for the pings of other sensors.
QUEUE = 4 * CYCLE
# Seconds after which a line that is still high is no answer.
LONGEST = 0.24
NEAREST, FARTHEST = 20.0, 4000.0  # mm


class Distance(Driver):
    """One HC-SR04. A reading is one ping.

    Args:
        trigger, echo: BCM numbers.
        temperature: of the air in °C, for the speed of sound (0.18 % a degree).
    """

    name = "distance"
    bus_name: ClassVar[str] = "gpio"
    quantities = (Quantity("distance", "mm", "distance", NEAREST, FARTHEST, 3.0, accuracy=3.0),)
    takes = 0.8
    # A ping has to die away before the next sensor's.
    holds = 0.06
    clock: Callable[[], float] = staticmethod(now)
    # When the pings of all sensors will have died away. Shared, because a sensor would hear another's ping.
    quiet_at: ClassVar[float] = 0.0

    def __init__(
        self,
        *,
        trigger: Annotated[int, BCM],
        echo: Annotated[int, BCM],
        temperature: Annotated[float, Within(-40, 85, "°C")] = 20.0,
    ) -> None:
        if bcm(trigger, "trigger") == bcm(echo, "echo"):
            raise ValueError(f"trigger and echo are both {echo}; they are two pins")
        if isinstance(temperature, bool) or not -40 <= temperature <= 85:
            raise ValueError(f"temperature is {temperature!r}, not -40..85 °C")
        self.temperature = temperature
        self.trigger = GpioLine(trigger, self.name, output=True)
        self.echo = GpioLine(echo, self.name, pull="down")
        self._edges: list[tuple[float, int]] = []
        self._hear: Callable[[float, int], None] = self._heard

    def configure(self) -> None:
        """Open both lines; the trigger rests low."""
        self.trigger.open()
        self.echo.open()
        self.echo.listen(self._hear)

    def measure(self) -> Reading:
        """Return the distance in mm, 60 ms after the ping; if nothing is in range, a `BeyondRange` in its place.

        Raises:
            NoEcho: none came, or the line stays high: a wire is loose, or the sensor hangs.
        """
        yield from self._turn()
        yield from self._until_low()
        if self.echo.read():
            raise NoEcho("distance: the echo line is high before the ping; the sensor hangs, or the wire is loose")
        heard: list[tuple[float, int]] = []
        self._edges = heard
        self.trigger.write(1)
        yield TRIGGER
        self.trigger.write(0)
        yield CYCLE
        yield from self._until_low()
        # Later edges do not belong to this ping.
        self._edges = []
        return {"distance": self._told(millimetres(self._echo(heard), self.temperature))}

    def _told(self, distance: float) -> float | Untold:
        step = self.quantities[0].step
        if distance > FARTHEST + step:
            return self.beyond("distance", at_least=FARTHEST, hint="nothing is in range")
        if distance < NEAREST - step:
            return self.beyond("distance", at_most=NEAREST)
        return distance

    def _until_low(self) -> Waits:
        """Wait until the line is low again, which takes some boards 200 ms if nothing is in range."""
        for _ in range(round(LONGEST / CYCLE)):
            if not self.echo.read():
                return
            yield CYCLE

    def _turn(self) -> Waits:
        """Wait until no other sensor's ping is in the air."""
        now = self.clock()
        begins = min(max(now, Distance.quiet_at), now + QUEUE)
        Distance.quiet_at = begins + CYCLE
        if begins > now:
            yield begins - now

    def close(self) -> None:
        """Give both pins back. Never raises."""
        self.known = False
        self.trigger.close()
        self.echo.close()

    def _heard(self, ticks: float, level: int) -> None:
        if len(self._edges) < 8:
            # An echo has two edges; noise must not fill the memory.
            self._edges.append((ticks, level))

    def _echo(self, edges: list[tuple[float, int]]) -> float:
        """Return the length of the first whole echo in seconds.

        Raises:
            NoEcho: there is none.
        """
        for (rise, up), (fall, down) in pairwise(edges):
            if up and not down:
                return self.echo.seconds(fall, rise)
        what = "it never ended" if edges else "check trigger, echo and 5 V"
        raise NoEcho(f"distance: no echo on GPIO{self.echo.pin} within {CYCLE * 1000:.0f} ms; {what}")


def millimetres(seconds: float, celsius: float) -> float:
    """Return the distance from the time there and back. Sound travels at 331.3 m/s at 0 °C."""
    return 1000 * 331.3 * math.sqrt(1 + celsius / 273.15) * seconds / 2
