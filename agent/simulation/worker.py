"""The worker of a simulated bus: the event loop in the place of a thread, so that it follows virtual time."""

from __future__ import annotations

from typing import Any

from drivers.bus.worker import MOVING, BusWorker, Share, Turn


class LoopWorker:
    """Runs turns on the event loop, in its time: the worker for rehearsals in virtual time, where nothing blocks.

    A fake that takes its time (`slow`, `hang`) calls `occupy`: the bus is then busy for that long.
    """

    def __init__(self, name: str, loop: Any) -> None:
        self.name, self.loop = name, loop
        self._free_at = 0.0
        self._taken = 0.0
        self._now: tuple[Turn, float] | None = None
        self._closed = False

    def occupy(self, seconds: float | None) -> None:
        """Let the step that runs take `seconds` longer, or forever (None); the `wait` of a fake bus."""
        self._taken += float("inf") if seconds is None else seconds

    def submit(self, share: Share) -> None:
        """Run the share's turns, in their order at first, then as their waits end."""
        for turn in share.turns:
            self.loop.call_soon(self._step, turn)

    def overdue(self) -> Turn | None:
        """Return the turn whose present step has taken longer than it may, if there is one."""
        running = self._now if self.loop.time() < self._free_at else None
        return running[0] if running and self.loop.time() - running[1] > running[0].limit else None

    def moving(self) -> bool:
        """Return whether the bus is busy and making progress."""
        now = self.loop.time()
        return self._now is not None and now < self._free_at and now - self._now[1] < MOVING

    def close(self) -> None:
        """Run nothing more."""
        self._closed = True

    def _step(self, turn: Turn) -> None:
        now = self.loop.time()
        if self._closed or self._free_at == float("inf"):
            return
        if now < self._free_at:
            self.loop.call_at(self._free_at, self._step, turn)
            return
        self._taken, self._now = 0.0, (turn, now)
        wait = turn.step()
        self._free_at = now + self._taken
        if self._free_at == float("inf"):
            return
        if wait is None:
            self.loop.call_at(self._free_at, BusWorker.over, turn)
        else:
            self.loop.call_at(self._free_at + wait, self._step, turn)
