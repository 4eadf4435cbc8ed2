"""The thread of one bus, which is also its lock. It interleaves the turns of a round, each a generator of waits.

A transfer that never ends cannot be stopped from outside, only detected: `overdue` returns its turn, and a stuck worker
gets no more work until the transfer returns. The turn is then abandoned, and a late result is discarded.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any, Protocol

from .clock import now

# Seconds. A bus whose present step takes longer does not make progress.
MOVING = 0.05


class Turn:
    """One sensor's turn in a round.

    Attributes:
        steps: a generator that yields the seconds it wants to wait; its value becomes `result`.
        limit: seconds that one step (the code between two waits) may take.
        done: whether `result` is there.
        crashed: what the generator raised, if it did.
        due: when it was submitted.
        abandoned: whether its result is no longer wanted; then it is closed at its next step.
    """

    __slots__ = ("abandoned", "crashed", "done", "due", "limit", "result", "share", "steps")

    def __init__(self, steps: Generator[float, None, Any], limit: float) -> None:
        self.steps, self.limit = steps, limit
        self.result: Any = None
        self.crashed: BaseException | None = None
        self.done = self.abandoned = False
        self.due = 0.0
        self.share: Share | None = None

    def step(self) -> float | None:
        """Run up to the next wait; return its seconds, or None when the turn is over."""
        if self.abandoned:
            self.steps.close()
            return None
        try:
            return next(self.steps)
        except StopIteration as end:
            self.result, self.done = end.value, True
        except Exception as error:  # noqa: BLE001
            self.crashed, self.done = error, True
        return None


class Share:
    """The turns of one bus in one round, and what to call when the last one has ended."""

    __slots__ = ("left", "on_done", "turns")

    def __init__(self, turns: Sequence[Turn], on_done: Callable[[], None]) -> None:
        self.turns, self.on_done, self.left = turns, on_done, len(turns)
        for turn in turns:
            turn.share = self


class Worker(Protocol):
    """Runs the turns of a bus: in a thread, or on the event loop in virtual time."""

    def submit(self, share: Share) -> None: ...
    def overdue(self) -> Turn | None: ...
    def moving(self) -> bool: ...
    def close(self) -> None: ...


class BusWorker:
    """Runs turns in a thread of its own, started by the first one. Its methods may be called from any thread.

    Args:
        clock: seconds, monotonic.
        changed: what the thread waits on until the next turn is due or a share is submitted.
    """

    def __init__(self, name: str, clock: Callable[[], float] = now, changed: threading.Condition | None = None) -> None:
        self.name, self.clock = name, clock
        # Turns that are due now, in their order. Any thread appends; only the bus's thread takes one out.
        self._ready: deque[Turn] = deque()
        # Turns that wait, by the moment at which they go on. Belongs to the bus's thread.
        self._waiting: list[tuple[float, int, Turn]] = []
        self._order = itertools.count()
        self._changed = changed or threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        # The running turn, and when its step began.
        self._now: tuple[Turn, float] | None = None

    def submit(self, share: Share) -> None:
        """Run the share's turns: first in their order, then as their waits end."""
        with self._changed:
            now = self.clock()
            for turn in share.turns:
                turn.due = now
            self._ready.extend(share.turns)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"bus {self.name}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def overdue(self) -> Turn | None:
        """Return the turn whose present step has exceeded its limit, if there is one."""
        running = self._now
        return running[0] if running and self.clock() - running[1] > running[0].limit else None

    def moving(self) -> bool:
        """Return whether the bus is busy and making progress."""
        now, running = self.clock(), self._now
        if running is not None:
            return now - running[1] < MOVING
        return bool(self._ready) or any(at <= now for at, _, _ in self._waiting[:1])

    def close(self) -> None:
        """End the thread after its present step, without waiting for it: the step may hang."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def _run(self) -> None:
        clock, ready, waiting, over = self.clock, self._ready, self._waiting, self.over
        while not self._closed:
            # Without the lock, which costs as much as a step: what is appended meanwhile is found at the next look.
            if ready and (not waiting or ready[0].due <= waiting[0][0]):
                turn = ready.popleft()
            elif waiting and waiting[0][0] <= clock():
                turn = heapq.heappop(waiting)[2]
            else:
                self._sleep()
                continue
            self._now = (turn, clock())
            wait = turn.step()
            self._now = None
            if wait is None:
                over(turn)
            else:
                heapq.heappush(waiting, (clock() + wait, next(self._order), turn))

    def _sleep(self) -> None:
        """Wait until a share comes, or the next turn is due."""
        with self._changed:
            if not self._ready and not self._closed:
                self._changed.wait(max(0.0, self._waiting[0][0] - self.clock()) if self._waiting else None)

    @staticmethod
    def over(turn: Turn) -> None:
        """Count a turn that has ended; the last one of its share calls `on_done`."""
        share = turn.share
        if share is not None:
            share.left -= 1
            if not share.left:
                share.on_done()
