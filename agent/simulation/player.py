"""Plays what a scenario lets happen to broker, disk, process and clock of a virtual world."""

from __future__ import annotations

import asyncio
import heapq
import math
from collections.abc import Awaitable, Callable, Iterator

from agent.broker import BrokerLost, BrokerRefused

from .observations import Observer
from .promises import Promise
from .scenario import Scenario, ScenarioFault
from .virtual_world import VirtualWorld

# Seconds from the end of a process to the next start: systemd's RestartSec, and a Pi that boots.
RESTARTS, BOOTS = 2.0, 25.0
# Seconds from the start of the machine until the network tells the time.
TIME_IS_TOLD = 20.0
NOT_AUTHORISED = 0x87
Act = Callable[[], Awaitable[None]]


class Player:
    """Lets faults begin and end in their time.

    Args:
        ends: seconds that the run takes; what lasts longer ends there.
    """

    def __init__(self, world: VirtualWorld, scenario: Scenario, observer: Observer, ends: float) -> None:
        self.world, self.observer, self.ends = world, observer, ends
        self._active: list[ScenarioFault] = []
        self._moments = self._schedule(scenario)
        self._alive = True

    async def play(self) -> None:
        """Play all of it, until the end."""
        while self._moments:
            at, _, act = heapq.heappop(self._moments)
            await self._until(min(at, self.ends))
            if at >= self.ends:
                break
            await act()
        await self._until(self.ends)
        self._active.clear()
        self._apply()
        if not self._alive:
            self._start()
        await self._tell_time()

    # ---- time

    def _schedule(self, scenario: Scenario) -> list[tuple[float, int, Act]]:
        moments: list[tuple[float, int, Act]] = []
        for one in scenario.faults:
            if one.target[0] in ("sensor", "bus"):
                continue
            for at, ends in one.times(self.ends):
                for moment, act in self._acts(one, at, ends):
                    moments.append((moment, len(moments), act))
        heapq.heapify(moments)
        return moments

    def _acts(self, one: ScenarioFault, at: float, ends: float) -> Iterator[tuple[float, Act]]:
        if one.process:
            down = (RESTARTS if one.kind == "killed" else BOOTS) if math.isinf(ends) else ends - at
            yield at, lambda: self._end(one)
            yield at + down, self._restart
            yield at + down + TIME_IS_TOLD, self._tell_time
        else:
            yield at, lambda: self._change(one, there=True)
            yield ends, lambda: self._change(one, there=False)

    async def _until(self, at: float) -> None:
        """Let time pass; an agent that crashes is started again, as systemd does."""
        while (left := at - self.world.loop.time()) > 0:
            if not self._alive:
                await asyncio.sleep(left)
                return
            try:
                await self.world.sleep(left)
            except Exception as error:  # noqa: BLE001  (whatever it was: it is told, and the day goes on)
                self._crashed(error)
                await asyncio.sleep(RESTARTS)
                self._start()

    def _crashed(self, error: Exception) -> None:
        self.world.ledger.wrong(f"{type(error).__name__}: {innermost(error)!r}", Promise.RUNS)
        self.world.bury()
        self._alive = False

    # ---- what happens

    async def _change(self, one: ScenarioFault, *, there: bool) -> None:
        if there:
            self._active.append(one)
        else:
            self._active.remove(one)
        self._apply(one if there else None)

    def _apply(self, begins: ScenarioFault | None = None) -> None:
        """Let the world be as bad as all faults of this moment make it."""
        world, broker, disk = self.world, self.world.broker, self.world.disk
        broker.heal()
        if disk.fault:
            world.disk_ill_until = world.loop.time()
        disk.fault = ""
        for one in self._active:
            if one.broker:
                self._broker(one)
            elif one.disk:
                disk.fault, world.ledger.across = one.kind, False
                world.disk_ill_until = math.inf
        if begins is not None and begins.kind in ("down", "refuses"):
            broker.cut()
        if world.clock.honest:
            world.clock.error = self._step()

    def _step(self) -> float:
        return sum(one.by or 0.0 for one in self._active if one.kind == "clock_step")

    def _broker(self, one: ScenarioFault) -> None:
        broker = self.world.broker
        if one.kind == "down":
            broker.refuses = BrokerLost("nothing listens there")
        elif one.kind == "refuses":
            broker.refuses = BrokerRefused("not authorised", permanent=True, code=NOT_AUTHORISED)
        elif one.kind == "silent":
            broker.hangs = broker.silent = True
        else:
            broker.latency, broker.bytes_per_second = 1.0, 2000.0

    async def _end(self, one: ScenarioFault) -> None:
        if self._alive:
            try:
                await (self.world.crash() if one.kind == "killed" else self.world.power_cut())
            except Exception as error:  # noqa: BLE001  (it had crashed before)
                self._crashed(error)
            self._alive = False

    async def _restart(self) -> None:
        if not self._alive:
            self._start()

    def _start(self) -> None:
        self._alive = True
        self.world.boot()
        self.observer.started(self.world.loop.time())

    async def _tell_time(self) -> None:
        self.world.clock.error, self.world.clock.honest = self._step(), True


def innermost(error: BaseException) -> BaseException:
    """Return the error that began it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
