"""GPIO edges become batches at once, in the order in which the pin's thread saw them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from agent.model import Batch, Reading
from drivers.errors import PermanentError

from .sensor import Sensor


class EdgeWatcher:
    """Watches every sensor whose driver reports edges.

    Args:
        deliver: takes each event's batch; called on the loop.
    """

    def __init__(self, deliver: Callable[[Batch], object]) -> None:
        self.deliver = deliver

    def watch(self, sensors: Iterable[Sensor]) -> None:
        """Begin to watch. A line that cannot be opened now is opened, and its error reported, by the next reading."""
        loop = asyncio.get_running_loop()
        for sensor in sensors:
            watch = getattr(sensor.chip, "watch", None)
            if watch is None:
                continue

            def seen(value: float, at: float, sensor: Sensor = sensor) -> None:
                # A closed loop raises RuntimeError: the agent has ended.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(self._edge, sensor, value, at)

            with contextlib.suppress(OSError, PermanentError):
                watch(seen)

    def _edge(self, sensor: Sensor, value: float, at: float) -> None:
        state = next((q for q in sensor.quantities if q.name == "state"), None)
        if state is None:
            return
        reading = Reading(sensor.id, state.name, value, state.unit)
        told = sensor.note(reading, at)
        if told is not None:
            self.deliver(Batch(at, "event", None, (sensor.id,), (told,)))
