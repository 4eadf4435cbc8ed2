"""One connection's traffic: what leaves next, what an acknowledgement means, and when silence has lasted too long."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from agent.broker import BrokerError, BrokerLost, BrokerTimeout, Facts, Link, packet_size
from agent.messages import payloads
from agent.outbox import Gap, Item

from .reason_codes import Verdicts
from .shared import Shared

IN_HAND, REFILL = 64, 16  # batches of history taken from the outbox at once, and when to take more
LIVES = 3  # batches of history that may pass between two live ones when both wait
FAREWELL = 0.2  # seconds for the last message's acknowledgement
UNSYNCED = b'"clock":"unsynced"'


class Flight:
    """A message that is not acknowledged yet: of whom it speaks, and what its reason code means."""

    __slots__ = ("sent", "settle", "thing")

    def __init__(self, thing: Any, settle: Callable[[Any, int], None], sent: float) -> None:
        self.thing, self.settle, self.sent = thing, settle, sent


class Session:
    """Serves one open link until it ends. `proved` is called at the first acknowledgement that proves that it works.

    A session that probes has one message under way, and is proved only by a batch, if any waits.
    """

    def __init__(
        self, link: Link, facts: Facts, shared: Shared, *, probing: bool, on_proof: Callable[[], object]
    ) -> None:
        self.link, self.facts, self.probing, self.proved = link, facts, probing, False
        self._on_proof = on_proof
        self.outbox, self.clock, self.topics = shared.outbox, shared.clock, shared.topics
        self.retained, self.traffic, self.shared = shared.retained, shared.traffic, shared
        self.verdicts = Verdicts(shared)
        self._loop = asyncio.get_running_loop()
        self._flights: dict[asyncio.Future[int], Flight] = {}
        self._in_hand: deque[Item] = deque()
        self._refill: asyncio.Task[list[Item]] | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._pause: asyncio.TimerHandle | None = None
        self._problem: BrokerError | None = None
        self._introduced = self._closing = self._ended = False
        self._gap_in_flight = False
        self._credit = 0

    async def run(self, closing: asyncio.Event, patience: Callable[[], float]) -> None:
        """Serve until `closing` is set; then give what is fresh at most `patience()` seconds, and say good-bye.

        Raises:
            BrokerError: the connection ended, or does not do its part.
        """
        ready = self.outbox.ready
        self.link.lost.add_done_callback(lambda _: ready.set())
        self.traffic.begin()
        self.retained.begin()
        try:
            while not closing.is_set():
                ready.clear()
                self._raise_problem()
                self._pump()
                await ready.wait()
            await self._say_goodbye(patience())
        finally:
            await self._finish()

    def _raise_problem(self) -> None:
        if self.link.lost.done():
            raise self.link.lost.result()
        if self._problem is not None:
            raise self._problem

    async def _say_goodbye(self, patience: float) -> None:
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while True:
                    self.outbox.ready.clear()
                    self._raise_problem()
                    self._pump()
                    if not self._flights:
                        break
                    await self.outbox.ready.wait()
        with contextlib.suppress(TimeoutError, BrokerError):
            async with asyncio.timeout(FAREWELL):
                await self.link.publish(self.topics.status, b"offline", retain=True)
        await self.link.close()

    async def _finish(self) -> None:
        """Give back everything that was not acknowledged."""
        self._ended = True
        for timer in (self._deadline, self._pause):
            if timer is not None:
                timer.cancel()
        if self._refill is not None:
            self._refill.cancel()
            await asyncio.wait([self._refill])
            self._take_refill(self._refill)
        items = [flight.thing for flight in self._flights.values() if isinstance(flight.thing, Item)]
        if self.link.lost.done():
            self.verdicts.suspect(items, self.link.lost.result())
        for item in items:
            self.outbox.back(item)
        self._empty_hands()

    def _empty_hands(self) -> None:
        while self._in_hand:
            self.outbox.back(self._in_hand.popleft())

    # --- what leaves next

    def _pump(self) -> None:
        most = 1 if self.probing and not self.proved else min(self.traffic.window, self.facts.receive_maximum)
        while not self._ended and len(self._flights) < most and self._send_next(most):
            pass

    def _send_next(self, most: int) -> bool:
        if self._closing:
            return self._send_live()
        if not self._introduced:
            if self._send_retained():
                return True
            self._introduced = True
        if self.clock.now() < self.traffic.held_until:
            self._wake_at(self.traffic.held_until)
            return False
        if self._credit and self._send_history(most):
            self._credit -= 1
            return True
        if self._send_live():
            self._credit = LIVES
            return True
        self._credit = 0
        return self._send_answer() or self._send_retained() or self._send_gap() or self._send_history(most)

    def _send_live(self) -> bool:
        while (item := self.outbox.live(self.clock.now())) is not None:
            if self._send_item(item, self.topics.batch, self._body(item, payloads.corrected)):
                return True
        return False

    def _send_history(self, most: int) -> bool:
        if most > 1 and len(self._flights) >= most - 1:
            return False  # the last place is for live
        if len(self._in_hand) < REFILL and self._refill is None and self.outbox.has_history:
            self._refill = self._loop.create_task(self.outbox.history(IN_HAND), name="history")
            self._refill.add_done_callback(self._refilled)
        while self._in_hand:
            due = self.traffic.history_due()
            if self.clock.now() < due:
                self._wake_at(due)
                return False
            item = self._in_hand.popleft()
            self.traffic.sent_history()
            if self._send_item(item, self.topics.backfill, self._body(item, payloads.historical)):
                return True
        return False

    def _send_item(self, item: Item, topic: str, body: bytes | None) -> bool:
        if body is None:
            self.outbox.refuse(item, "corrupt")
            return False
        if self._too_large(topic, body):
            self.outbox.refuse(item, "too_large")
            return False
        self._send(topic, body, False, item, self._batch_acknowledged)
        return True

    def _body(self, item: Item, make: Callable[..., bytes]) -> bytes | None:
        stamp: Sequence[str] = ()
        if UNSYNCED in item.body and item.kernel_boot == self.clock.kernel_boot != "" and self.clock.synced():
            stamp = (self.clock.stamp(item.taken),)
        if make is payloads.corrected and not stamp:
            return item.body
        try:
            return make(item.body, *stamp)
        except (ValueError, KeyError, TypeError):
            return None

    def _send_retained(self) -> bool:
        while (document := self.retained.next()) is not None:
            topic, payload = document
            if self._fits(topic, payload):
                self._send(topic, payload, True, topic, self._document_acknowledged)
                return True
            self.retained.settled(topic)
        return False

    def _send_answer(self) -> bool:
        while self.shared.answers:
            topic, payload = self.shared.answers.popleft()
            if self._fits(topic, payload):
                self._send(topic, payload, False, topic, self.verdicts.of_message)
                return True
        return False

    def _send_gap(self) -> bool:
        while not self._gap_in_flight and (gap := self.outbox.next_gap()) is not None:
            body = payloads.gap(gap.run_id, gap.first, gap.last, gap.reason, self.clock.stamp(self.clock.now()))
            if self._fits(self.topics.gap, body):
                self._gap_in_flight = True
                self._send(self.topics.gap, body, False, gap, self._gap_acknowledged)
                return True
            self.outbox.gap_done(gap)
        return False

    def _fits(self, topic: str, body: bytes) -> bool:
        """Tell whether the broker takes it; say once if not."""
        if self._too_large(topic, body):
            self.verdicts.complain(topic, f"larger than the broker's {self.facts.maximum_packet_size} bytes", once=True)
            return False
        return True

    def _too_large(self, topic: str, body: bytes) -> bool:
        most = self.facts.maximum_packet_size
        return most is not None and packet_size(topic, len(body), self.facts.version) > most

    def _send(self, topic: str, body: bytes, retain: bool, thing: Any, settle: Callable[[Any, int], None]) -> None:
        future = self.link.publish(topic, body, retain=retain)
        self._flights[future] = Flight(thing, settle, self.clock.now())
        future.add_done_callback(self._acknowledged)
        if self._deadline is None:
            self._deadline = self._loop.call_later(self.traffic.deadline, self._check_deadline)

    # --- what comes back

    def _acknowledged(self, future: asyncio.Future[int]) -> None:
        error = BrokerLost("cancelled") if future.cancelled() else future.exception()  # asked for, so nobody misses it
        if self._ended or future not in self._flights:
            return
        if error is not None:  # stays in `_flights`, which tells what was under way at the end
            self._problem = error if isinstance(error, BrokerError) else BrokerLost(f"cannot publish: {error!r}")
            self.outbox.ready.set()
            return
        flight = self._flights.pop(future)
        self.traffic.acknowledged(self.clock.now() - flight.sent)
        flight.settle(flight.thing, future.result())
        if not self.proved and not (self.probing and self.outbox.waiting and not isinstance(flight.thing, Item)):
            self.proved = True
            self._on_proof()
        self._pump()
        if self._closing and not self._flights:
            self.outbox.ready.set()

    def _batch_acknowledged(self, item: Item, code: int) -> None:
        if self.verdicts.of_batch(item, code):
            self._empty_hands()  # they come after it

    def _document_acknowledged(self, topic: str, code: int) -> None:
        self.retained.settled(topic)
        self.verdicts.of_message(topic, code)

    def _gap_acknowledged(self, gap: Gap, code: int) -> None:
        self._gap_in_flight = False
        self.verdicts.of_gap(gap, code)

    def _check_deadline(self) -> None:
        self._deadline = None
        if not self._flights:
            return
        deadline = self.traffic.deadline
        left = next(iter(self._flights.values())).sent + deadline - self.clock.now()
        if left > 0:
            self._deadline = self._loop.call_later(left, self._check_deadline)
            return
        self.traffic.overdue()
        self._problem = BrokerTimeout(f"the broker acknowledged nothing within {deadline:.1f} s")
        self.outbox.ready.set()

    def _wake_at(self, moment: float) -> None:
        at = self._loop.time() + max(0.0, moment - self.clock.now())
        if self._pause is None or at < self._pause.when():
            if self._pause is not None:
                self._pause.cancel()
            self._pause = self._loop.call_at(at, self._paused)

    def _paused(self) -> None:
        self._pause = None
        self._pump()

    def _refilled(self, task: asyncio.Task[list[Item]]) -> None:
        if not self._ended:
            self._take_refill(task)
            self._pump()

    def _take_refill(self, task: asyncio.Task[list[Item]]) -> None:
        if self._refill is task:
            self._refill = None
            if not task.cancelled():
                self._in_hand.extend(task.result())
