"""One connection: its beginning, the exchange while it lasts, and its end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from agent.broker import FAILURE, TAKEN_OVER, BrokerError, BrokerTimeout, Facts, Link

from .in_flight import InFlight
from .outgoing import Outgoing, Purpose
from .pacing import Pacing
from .reason_codes import ReasonCodes
from .send_queue import SendQueue

FAREWELL = 0.2  # seconds for the acknowledgement of the last message


class Closing:
    """The wish to end, which may come from any task of the loop.

    Attributes:
        requested: the end was asked for. done: there is no connection any more, and there will be none.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now, self._until = now, 0.0
        self.requested, self.done = asyncio.Event(), asyncio.Event()

    def request(self, grace: float) -> None:
        """Ask for the end; what is fresh may take `grace` seconds from now."""
        self._until = self._now() + grace
        self.requested.set()

    def seconds_left(self) -> float:
        """Return the seconds that what is fresh may take."""
        return max(0.0, self._until - self._now())


class Session:
    """Serves one open link until it ends: `queue` says what leaves next, `in_flight` what is under way.

    A session that probes has one message under way, and is proved only by a batch that the broker takes, if any waits:
    documents are small, and a broker may take them and still refuse what matters.

    All fields belong to the event loop. `run` is the session's task; acknowledgements and timers call back between its
    steps, and send what may leave then themselves.

    Attributes:
        proved: the broker acknowledged something that proves that this connection works.
    """

    def __init__(
        self,
        link: Link,
        facts: Facts,
        queue: SendQueue,
        pacing: Pacing,
        codes: ReasonCodes,
        *,
        ready: asyncio.Event,
        now: Callable[[], float],
        probing: bool,
        on_proof: Callable[[], object],
    ) -> None:
        self._link, self._facts, self._queue, self._pacing, self._codes = link, facts, queue, pacing, codes
        self._ready, self._probing, self._on_proof = ready, probing, on_proof
        self._in_flight = InFlight(
            link,
            facts,
            pacing,
            now,
            settled=self._settled,
            silent=self._silent,
            failed=self._failed,
            wake=self._send,
        )
        self.proved = False
        self._problem: BrokerError | None = None
        self._closing = self._ended = False

    @property
    def idle(self) -> bool:
        """Whether nothing is, or was at the end, under way."""
        return not len(self._in_flight)

    async def run(self, closing: Closing) -> None:
        """Serve until `closing` is requested; then give what is fresh the time that is left, and say goodbye.

        Raises:
            BrokerError: the connection ended, or the broker does not do its part.
        """
        self._link.lost.add_done_callback(lambda _: self._ready.set())
        self._pacing.begin()
        self._queue.begin(self._facts, self._in_flight, self._send)
        try:
            while not closing.requested.is_set():
                self._ready.clear()
                self._raise_problem()
                self._send()
                await self._ready.wait()
            await self._say_goodbye(closing.seconds_left())
        finally:
            await self._finish()

    def _raise_problem(self) -> None:
        if self._link.lost.done():
            raise self._link.lost.result()
        if self._problem is not None:
            raise self._problem

    async def _say_goodbye(self, grace: float) -> None:
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while True:
                    self._ready.clear()
                    self._raise_problem()
                    self._send()
                    if self.idle:
                        break
                    await self._ready.wait()
        farewell = self._queue.others.farewell
        with contextlib.suppress(TimeoutError, BrokerError):
            async with asyncio.timeout(FAREWELL):
                await self._link.publish(farewell.topic, farewell.payload, retain=True)
        await self._link.close()

    async def _finish(self) -> None:
        """Give back everything that was not acknowledged."""
        self._ended = True
        self._in_flight.end()
        error = self._link.lost.result() if self._link.lost.done() else self._problem
        under_way = list(self._in_flight)
        self._codes.ended(under_way, self._blamed(error), error)
        for packet in under_way if error is not None else ():
            self._queue.batches.shrink(packet)
        if self.proved and self._facts.receive_maximum == 1 and isinstance(error, BrokerTimeout):
            # Nothing can overtake it here, but other packets had their acknowledgements.
            for packet in under_way:
                if not packet.batches:
                    self._codes.silent(packet)
        self._queue.batch_first = isinstance(error, BrokerTimeout) and not any(one.batches for one in under_way)
        await self._queue.end()

    def _blamed(self, error: BrokerError | None) -> list[Outgoing]:
        """Return what may be why the session ended."""
        if error is None or self._closing or error.code == TAKEN_OVER:
            return []
        if isinstance(error, BrokerTimeout):
            return self._in_flight.overtaken()
        return list(self._in_flight)

    def _send(self) -> None:
        """Send as much as may be under way."""
        self._in_flight.probing = self._probing and not self.proved
        window = 1 if self._in_flight.probing else self._pacing.window
        while not self._ended and (room := self._in_flight.room(window)) > 0:
            last_slot = room == 1 and self._in_flight.slots(window) > 1
            packet = self._queue.next(last_slot=last_slot, only_live=self._closing)
            if packet is None:
                return
            self._in_flight.send(packet)

    def _settled(self, packet: Outgoing, code: int) -> None:
        self._queue.settled(packet, again=self._codes.settled(packet, code))
        batch_taken = packet.purpose is Purpose.BATCH and code < FAILURE
        enough = batch_taken or not (self._probing and self._queue.batches.waiting)
        if enough and not self.proved:
            self.proved = True
            self._on_proof()
        self._send()
        if self._closing and self.idle:
            self._ready.set()

    def _silent(self, packet: Outgoing) -> None:
        self._codes.silent(packet)
        self._queue.settled(packet, again=True)
        # What had to be alone waited for it.
        self._send()

    def _failed(self, error: BrokerError) -> None:
        self._problem = error
        self._ready.set()
