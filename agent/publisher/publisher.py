"""The publisher: one task that owns the connection to the broker, behind its breaker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.broker import BrokerError, BrokerLost, BrokerTimeout, Facts, Handler, Link, Will
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.resilience import AsyncCircuitBreaker, BreakerEvent, CircuitOpenError, CircuitState
from agent.resilience.schedule import ENTROPY, Rng

from .alarm import Alarm
from .batches import Batches
from .bodies import Wall
from .experience import Experience
from .others import Others
from .pacing import Pacing
from .reason_codes import ReasonCodes
from .reconnect import Reconnect
from .send_queue import SendQueue
from .session import Closing, Session
from .state import NOT_YET, BrokerState, ConnectionLog
from .twin import TwinWatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to publish.

    Attributes:
        failure_threshold, reset_timeout, max_reset_timeout, multiplier: of the breaker; seconds.
        backfill_rate: batches of history per second; 0: as fast as it goes.
        require_subscriber: keep a batch that no client had subscribed to (MQTT 5).
        window: messages that may be under way.
        backfill_format: how history travels: "batch", one a message, or "block", many.
    """

    failure_threshold: int = 3
    reset_timeout: float = 5.0
    max_reset_timeout: float = 60.0
    multiplier: float = 2.0
    backfill_rate: float = 20.0
    require_subscriber: bool = False
    window: int = 16
    backfill_format: str = "batch"


class Publisher:
    """Delivers an outbox and the retained documents through links, one at a time.

    The task of `run` owns the connection; everything else may be called from any task of the same loop.

    Attributes:
        breaker: guards the connection; its name is "broker".
        state: how the connection is.
        on_change: called when `state` changed.
    """

    def __init__(
        self,
        link: Callable[[Will | None], Link],
        outbox: Outbox,
        topics: Topics,
        clock: Wall,
        settings: Settings = Settings(),
        *,
        rng: Rng = ENTROPY,
        on_change: Callable[[], object] = lambda: None,
        on_event: Callable[[BreakerEvent], object] | None = None,
    ) -> None:
        self._link, self._now, self._ready, self.on_change = link, clock.now, outbox.ready, on_change
        self.breaker = _breaker(settings, clock.now, rng, on_event)
        self._pacing = Pacing(clock.now, rng, settings.backfill_rate, settings.window)
        self._experience = Experience(topics, clock.now, rng, self._refused_changed)
        self._codes = ReasonCodes(outbox, self._pacing, self._experience, clock.now, settings.require_subscriber)
        alarm = Alarm(clock.now)
        batches = Batches(outbox, topics, clock, self._pacing, self._experience.holds, self._codes, alarm)
        batches.in_blocks = settings.backfill_format == "block"
        others = Others(outbox, topics, clock, self._experience.refusals, alarm)
        self._queue = SendQueue(batches, others, alarm)
        self._reconnect = Reconnect(clock.now, rng, settings.max_reset_timeout)
        self._twin = TwinWatch(topics.info, outbox.run_id, others, self._reconnect, self._refresh)
        self._open: Link | None = None
        self._closing, self._running = Closing(clock.now), False
        self._log = ConnectionLog(topics.client_id)
        self.state = BrokerState(False, clock.now(), NOT_YET, 0, False, None)

    # --- what others want

    def retain(self, topic: str, payload: bytes) -> None:
        """Keep the broker's retained document of `topic` at this; of several the newest is sent."""
        self._queue.others.retained.put(topic, payload)
        self._ready.set()

    def retains(self, topic: str) -> bool:
        """Return whether `topic` has a document, or an empty one that the broker has not taken yet."""
        return topic in self._queue.others.retained

    def answer(self, topic: str, payload: bytes, correlation: bytes | None = None) -> None:
        """Send a message that is worth one attempt, if there is a connection."""
        if self._open is not None:
            self._queue.others.answer(topic, payload, correlation)
            self._ready.set()

    def subscribe(self, topic_filter: str, handler: Handler, *, retained: bool = False) -> None:
        """Have messages handed over, now and after each reconnect; `retained`: those as well that the broker kept."""
        self._queue.others.subscribe(topic_filter, handler, retained=retained)
        self._ready.set()

    def adjust(self, backfill_rate: float, require_subscriber: bool, backfill_format: str = "batch") -> None:
        """Take other settings (see `Settings`) from now on; the connection stays, and every refusal is forgotten."""
        self._pacing.adjust(backfill_rate)
        self._codes.require_subscriber = require_subscriber
        self._queue.batches.in_blocks = backfill_format == "block"
        self._experience.reset()
        self._ready.set()

    async def close(self, grace: float = 1.2) -> None:
        """End `run`: what is fresh gets at most `grace` seconds, then `offline`, then goodbye."""
        self._closing.request(grace)
        self._ready.set()
        if self._running:
            await self._closing.done.wait()

    # --- the owner of the connection

    async def run(self) -> None:
        """Keep a connection, until `close`."""
        self._running = True
        try:
            while not self._closing.requested.is_set():
                guarded = self.breaker.state is not CircuitState.CLOSED
                await self._pause(max(self._reconnect.wait(guarded=guarded), self.breaker.retry_after))
                if self._closing.requested.is_set():
                    break
                try:
                    generation = self.breaker.admit()
                except CircuitOpenError:
                    continue
                await self._connection(generation)
        finally:
            self._closing.done.set()
            self._running = False

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._closing.requested.wait()

    async def _connection(self, generation: int) -> None:
        """Connect and serve, and tell the breaker how it went."""
        session: Session | None = None
        began: float | None = None
        probing = self.breaker.state is CircuitState.HALF_OPEN
        self._reconnect.connecting()
        link: Link | None = None
        try:
            link = self._link(self._experience.will.choose())
            if (facts := await self._connect(link)) is not None:
                began = self._now()
                session = self._session(link, self._opened(link, facts), generation, probing)
                await session.run(self._closing)
            self.breaker.undecided(generation)
        except OSError as reason:
            # A link may need a file or a descriptor that is not to be had.
            error = reason if isinstance(reason, BrokerError) else BrokerLost(f"no connection can be made: {reason}")
            self._failed(error, generation, session, None if began is None else self._now() - began)
        except BaseException:
            self.breaker.undecided(generation)
            raise
        finally:
            self._open = None
            if link is not None:
                link.abort()
        if self._closing.requested.is_set():
            self._become(connected=False)

    async def _connect(self, link: Link) -> Facts | None:
        """Return the facts of the open link; None if `close` was called meanwhile."""
        connecting = asyncio.ensure_future(link.connect())
        closing = asyncio.ensure_future(self._closing.requested.wait())
        try:
            await asyncio.wait((connecting, closing), return_when=asyncio.FIRST_COMPLETED)
            return connecting.result() if connecting.done() else None
        finally:
            for task in (connecting, closing):
                task.cancel()
            await asyncio.wait((connecting, closing))
            # Asked for, or asyncio complains about an exception that was never retrieved.
            if not connecting.cancelled():
                connecting.exception()

    def _opened(self, link: Link, facts: Facts) -> Facts:
        """Return what the new connection has to obey."""
        self._open = link
        self._twin.begin()
        self._experience.will.connected()
        obeyed = self._experience.limits.opened(link, facts)
        self._become(connected=True, facts=facts)
        return obeyed

    def _session(self, link: Link, facts: Facts, generation: int, probing: bool) -> Session:
        def proved() -> None:
            self._reconnect.proved()
            self.breaker.succeeded(generation)

        parts = self._queue, self._pacing, self._codes
        return Session(link, facts, *parts, ready=self._ready, now=self._now, probing=probing, on_proof=proved)

    def _failed(self, error: BrokerError, generation: int, session: Session | None, lasted: float | None) -> None:
        another_will = lasted is None and self._experience.will.failed(error)
        if another_will:
            self.breaker.undecided(generation)
        elif session is None or not session.proved:
            self.breaker.failed(generation, error)
        elif isinstance(error, BrokerTimeout):
            # It acknowledged before, and then fell silent. `generation` ended with the proof.
            self.breaker.failed(self.breaker.admit(), error)
        else:
            self.breaker.undecided(generation)
        idle = session is not None and session.proved and session.idle
        self._reconnect.ended(error, lasted, idle=idle, soon=another_will)
        self._become(connected=False, error=error)

    def _become(self, *, connected: bool, error: BrokerError | None = None, facts: Facts | None = None) -> None:
        old, now = self.state, self._now()
        since = now if connected != old.connected else old.since
        text = None if connected else str(error or "closed")
        self._change(BrokerState(connected, since, text, old.sessions + connected, old.duplicate, facts), error)

    def _refused_changed(self) -> None:
        """Tell `health` at once, but not before whatever noticed has finished: it calls from within a settlement."""
        asyncio.get_running_loop().call_soon(self._refresh)

    def _refresh(self) -> None:
        self._change(self.state)

    def _change(self, new: BrokerState, error: BrokerError | None = None) -> None:
        old, limits = self.state, self._experience.limits.listed()
        duplicate, refused = self._reconnect.duplicate, self._experience.refused()
        self.state = replace(new, duplicate=duplicate, limits=limits, refused=refused)
        self._log.changed(old, self.state, error, self._now())
        if self.state != old:
            self.on_change()


def _breaker(
    settings: Settings, clock: Callable[[], float], rng: Rng, on_event: Callable[[BreakerEvent], object] | None
) -> AsyncCircuitBreaker:
    return AsyncCircuitBreaker(
        settings.failure_threshold,
        settings.reset_timeout,
        name="broker",
        multiplier=settings.multiplier,
        max_reset_timeout_seconds=settings.max_reset_timeout,
        reset_jitter=0.5,
        on_event=on_event,
        clock=clock,
        rng=rng,
    )
