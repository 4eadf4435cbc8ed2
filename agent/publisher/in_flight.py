"""What is under way: sent, and not acknowledged yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from agent.broker import BrokerError, BrokerLost, BrokerTimeout, Facts, Link

from .outgoing import Outgoing, Purpose
from .pacing import Pacing

# Seconds after which a packet that is no batch leaves its place in the window to the next: batches do not wait for it.
SLOW = 2.5


class MustBeAlone(Exception):
    """The next packet is suspected of ending sessions, and has to wait until nothing else is under way."""


class _Flight:
    """One packet under way.

    Attributes:
        number: of its sending, in this session. slow: it no longer takes a place in the window.
        silent: it is overdue, but the broker has answered later: no acknowledgement is expected any more.
    """

    __slots__ = ("message", "number", "sent", "silent", "slow", "timer")

    def __init__(self, message: Outgoing, number: int, sent: float) -> None:
        self.message, self.number, self.sent = message, number, sent
        self.slow = self.silent = False
        self.timer: asyncio.TimerHandle | None = None


class InFlight:
    """The packets of one session that are under way.

    All fields belong to the event loop: the session's task and the callbacks of the link, which runs on the same loop.

    Attributes:
        probing: strictly one at a time.

    Args:
        settled: called with a packet and the reason code of its acknowledgement.
        silent: called with a packet that was overtaken by the acknowledgements of later ones.
        failed: called when the connection ended, or when an acknowledgement is overdue.
        wake: called when there is room again without an acknowledgement.
    """

    def __init__(
        self,
        link: Link,
        facts: Facts,
        pacing: Pacing,
        now: Callable[[], float],
        *,
        settled: Callable[[Outgoing, int], object],
        silent: Callable[[Outgoing], object],
        failed: Callable[[BrokerError], object],
        wake: Callable[[], object],
    ) -> None:
        self._link, self._facts, self._pacing, self._now = link, facts, pacing, now
        self._settled, self._silent, self._failed, self._wake = settled, silent, failed, wake
        self._flights: dict[asyncio.Future[int], _Flight] = {}
        self._number = self._answered_up_to = self._silent_ones = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._ended = self.probing = False

    def __len__(self) -> int:
        """Return how many acknowledgements are expected."""
        return len(self._flights) - self._silent_ones

    def __iter__(self) -> Iterator[Outgoing]:
        """Iterate over the packets whose acknowledgement is expected, the oldest first."""
        return (flight.message for flight in self._flights.values() if not flight.silent)

    def room(self, window: int) -> int:
        """Return how many more may be under way, in a window of `window`."""
        if not self._flights:
            return 1 if self.probing else min(window, self._facts.receive_maximum)
        flights = self._flights.values()
        if self.probing:
            return 1 - len(self._flights)
        if any(flight.message.alone and not flight.slow for flight in flights):
            return 0
        in_window = sum(not flight.slow for flight in flights)
        published = sum(flight.message.purpose is not Purpose.SUBSCRIPTION for flight in flights)
        return min(window - in_window, self._facts.receive_maximum - published)

    def slots(self, window: int) -> int:
        """Return how many packets may be under way, besides those that are slow."""
        slow = sum(one.slow and one.message.purpose is not Purpose.SUBSCRIPTION for one in self._flights.values())
        return min(window, self._facts.receive_maximum - slow)

    def carries(self, topic: str) -> bool:
        """Return whether a packet on this topic is under way."""
        return any(message.topic == topic for message in self)

    def send(self, message: Outgoing) -> None:
        """Send a packet and await its acknowledgement."""
        future = self._hand_over(message)
        self._number += 1
        flight = self._flights[future] = _Flight(message, self._number, self._now())
        loop = asyncio.get_running_loop()
        flight.timer = loop.call_later(SLOW, self._slowed, flight)
        future.add_done_callback(self._acknowledged)
        if self._deadline is None:
            self._deadline = loop.call_later(self._pacing.deadline, self._check_deadline)

    def end(self) -> None:
        """Settle nothing any more. What is under way stays, so that the session can tell what it was."""
        self._ended = True
        timers = [self._deadline, *(flight.timer for flight in self._flights.values())]
        for timer in timers:
            if timer is not None:
                timer.cancel()

    def overtaken(self) -> list[Outgoing]:
        """Return the packets without an acknowledgement, though later ones have theirs."""
        flights = self._flights.values()
        return [one.message for one in flights if not one.silent and one.number < self._answered_up_to]

    def _hand_over(self, message: Outgoing) -> asyncio.Future[int]:
        if message.handler is not None:
            return self._link.subscribe(message.topic, message.handler, retained=message.retained)
        return self._link.publish(
            message.topic,
            message.payload,
            retain=message.purpose is Purpose.DOCUMENT,
            content_type=message.content_type,
            correlation=message.correlation,
        )

    def _acknowledged(self, future: asyncio.Future[int]) -> None:
        # Asked for even when nothing follows from it, or asyncio complains that the exception was never retrieved.
        error = BrokerLost("cancelled") if future.cancelled() else future.exception()
        if self._ended or future not in self._flights:
            return
        if error is not None:
            # It stays: the end of the session asks what was under way.
            self._failed(error if isinstance(error, BrokerError) else BrokerLost(f"cannot publish: {error!r}"))
            return
        flight = self._flights.pop(future)
        if flight.timer is not None:
            flight.timer.cancel()
        self._silent_ones -= flight.silent
        self._answered_up_to = max(self._answered_up_to, flight.number)
        self._pacing.acknowledged(self._now() - flight.sent)
        if not flight.silent:
            self._settled(flight.message, future.result())

    def _slowed(self, flight: _Flight) -> None:
        flight.timer = None
        # Whether the broker is alive and does not acknowledge this packet, only an answer to a later one can tell.
        number = self._number
        self._link.echo().add_done_callback(lambda future: self._answered(future, number))
        if flight.message.purpose is not Purpose.BATCH:
            flight.slow = True
            self._wake()

    def _answered(self, future: asyncio.Future[int], number: int) -> None:
        if not self._ended and not future.cancelled() and future.exception() is None:
            self._answered_up_to = max(self._answered_up_to, number + 1)

    def _check_deadline(self) -> None:
        """End the session for a packet that is overdue; leave out one that only this broker does not acknowledge."""
        self._deadline = None
        deadline = self._pacing.deadline
        for flight in [one for one in self._flights.values() if not one.silent]:
            if (left := flight.sent + deadline - self._now()) > 0:
                self._deadline = asyncio.get_running_loop().call_later(left, self._check_deadline)
                return
            # A batch is worth a new connection, once: its acknowledgement may be what was lost.
            reconnects = flight.message.purpose is Purpose.BATCH and not flight.message.deferred
            if reconnects or flight.number > self._answered_up_to or not self._spare():
                self._pacing.overdue()
                self._failed(BrokerTimeout(f"the broker acknowledged nothing within {deadline:.1f} s"))
                return
            flight.silent = flight.slow = True
            self._silent_ones += 1
            self._silent(flight.message)

    def _spare(self) -> bool:
        """Return whether others may pass one that is never acknowledged."""
        return not self.probing and self._silent_ones + 1 < self._facts.receive_maximum
