"""The thread of one bus, which is also its lock. It interleaves the turns of a round, each a generator of waits.

A transfer that never ends cannot be stopped from outside, only detected: `overdue` returns its turn, and a stuck worker
gets no more work until the transfer returns. The turn is then abandoned, and a late result is discarded.
"""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from queue import Empty, SimpleQueue
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
    """Runs turns in a thread of its own, started by the first one.

    `submit` is called by one thread, and by turns in the bus's own; the other methods by any thread.

    Args:
        clock: seconds, monotonic.
        shares: the way of the shares to the thread, on which it waits until the next turn is due.
    """

    def __init__(
        self, name: str, clock: Callable[[], float] = now, shares: SimpleQueue[Share | None] | None = None
    ) -> None:
        self.name, self.clock = name, clock
        # None ends the thread. A condition and a lock in Python would cost as much as the transfers of a round.
        self._shares = shares or SimpleQueue()
        # Turns that are due now, in their order, and those that wait, by the moment at which they go on. Both belong to
        # the bus's thread.
        self._ready: deque[Turn] = deque()
        self._waiting: list[tuple[float, int, Turn]] = []
        self._order = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False
        # The running turn, and when its step began.
        self._now: tuple[Turn, float] | None = None

    def submit(self, share: Share) -> None:
        """Run the share's turns: first in their order, then as their waits end."""
        now = self.clock()
        for turn in share.turns:
            turn.due = now
        self._shares.put(share)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"bus {self.name}", daemon=True)
            self._thread.start()

    def overdue(self) -> Turn | None:
        """Return the turn whose present step has exceeded its limit, if there is one."""
        running = self._now
        return running[0] if running and self.clock() - running[1] > running[0].limit else None

    def moving(self) -> bool:
        """Return whether the bus is busy and making progress."""
        now, running = self.clock(), self._now
        if running is not None:
            return now - running[1] < MOVING
        return bool(self._ready or not self._shares.empty()) or any(at <= now for at, _, _ in self._waiting[:1])

    def close(self) -> None:
        """End the thread after its present step, without waiting for it: the step may hang."""
        self._closed = True
        self._shares.put(None)

    def _run(self) -> None:
        clock, ready, waiting, shares, over = self.clock, self._ready, self._waiting, self._shares, self.over
        while not self._closed:
            if not shares.empty():
                self._take(0.0)
            if ready and (not waiting or ready[0].due <= waiting[0][0]):
                turn = ready.popleft()
            elif waiting and waiting[0][0] <= clock():
                turn = heapq.heappop(waiting)[2]
            else:
                self._take(max(0.0, waiting[0][0] - clock()) if waiting else math.inf)
                continue
            self._now = (turn, clock())
            wait = turn.step()
            self._now = None
            if wait is None:
                over(turn)
            else:
                heapq.heappush(waiting, (clock() + wait, next(self._order), turn))

    def _take(self, within: float) -> None:
        """Take over a share that was submitted, or that comes within this time."""
        try:
            share = self._shares.get(timeout=None if within == math.inf else within)
        except Empty:
            return
        if share is not None:
            self._ready.extend(share.turns)

    @staticmethod
    def over(turn: Turn) -> None:
        """Count a turn that has ended; the last one of its share calls `on_done`."""
        share = turn.share
        if share is not None:
            share.left -= 1
            if not share.left:
                # A share and its turns would keep each other alive until the garbage collector comes.
                share.turns = ()
                share.on_done()
