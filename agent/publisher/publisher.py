"""The publisher: one task that owns the connection to the broker, behind its breaker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from agent.broker import BrokerError, BrokerTimeout, Facts, Handler, Link, Message, Will
from agent.messages import payloads
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.resilience import AsyncCircuitBreaker, BreakerEvent, CircuitOpenError, CircuitState
from agent.resilience.schedule import ENTROPY, Rng

from .alarm import Alarm
from .batches import Batches
from .bodies import Wall
from .holds import Holds
from .last_will import LastWill
from .limits import Limits
from .others import Others
from .pacing import Pacing
from .reason_codes import ReasonCodes
from .reconnect import Reconnect
from .refusals import Complaints, Refusal, Refusals
from .send_queue import SendQueue
from .session import Closing, Session
from .state import BrokerState, ConnectionLog
from .trials import Trials


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
        self.breaker = AsyncCircuitBreaker(
            settings.failure_threshold,
            settings.reset_timeout,
            name="broker",
            multiplier=settings.multiplier,
            max_reset_timeout_seconds=settings.max_reset_timeout,
            reset_jitter=0.5,
            on_event=on_event,
            clock=clock.now,
            rng=rng,
        )
        self._pacing = Pacing(clock.now, rng, settings.backfill_rate, settings.window)
        self._limits = Limits(clock.now)
        complaints = Complaints(clock.now, self._refused_changed)
        self._refusals, self._holds = Refusals(clock.now, rng, complaints), Holds(clock.now, rng, complaints)
        self._trials = Trials(self._limits)
        parts = self._pacing, self._holds, self._refusals, self._limits, self._trials
        self._codes = ReasonCodes(outbox, *parts, clock.now, settings.require_subscriber)
        alarm = Alarm(clock.now)
        batches = Batches(outbox, topics, clock, self._pacing, self._holds, self._codes, alarm)
        batches.in_blocks = settings.backfill_format == "block"
        self._queue = SendQueue(batches, Others(outbox, topics, clock, self._refusals, alarm), alarm)
        self._will = LastWill(topics.status, b"offline", self._limits)
        self._reconnect = Reconnect(clock.now, rng, settings.max_reset_timeout)
        self._open: Link | None = None
        self._info_topic, self._run_id = topics.info, outbox.run_id
        self._closing, self._running = Closing(clock.now), False
        self._log = ConnectionLog(topics.client_id)
        self.state = BrokerState(False, clock.now(), "not connected yet", 0, False, None)

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
        for memory in (self._refusals, self._holds, self._limits, self._trials, self._will):
            memory.reset()
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
            link = self._link(self._will.choose())
            if (facts := await self._connect(link)) is not None:
                began = self._now()
                session = self._session(link, self._opened(link, facts), generation, probing)
                await session.run(self._closing)
            self.breaker.undecided(generation)
        except BrokerError as error:
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
        self._look_for_a_twin()
        self._will.connected()
        obeyed = self._limits.opened(link, facts)
        self._become(connected=True, facts=facts)
        return obeyed

    def _look_for_a_twin(self) -> None:
        """Have the broker show its `info` where sessions end as they do with a twin.

        Once it has had ours, the `info` of another run can only come from a twin that runs now.
        """
        if self._reconnect.suspicious and self._queue.others.info_taken:
            self._queue.others.subscribe(self._info_topic, self._see_info, retained=True)
        else:
            self._queue.others.unsubscribe(self._info_topic)

    def _see_info(self, message: Message) -> None:
        if payloads.run_of(message.payload) not in (None, self._run_id):
            self._reconnect.twin_found()
            self._become(connected=self.state.connected, facts=self.state.facts)

    def _session(self, link: Link, facts: Facts, generation: int, probing: bool) -> Session:
        def proved() -> None:
            self._reconnect.proved()
            self.breaker.succeeded(generation)

        parts = self._queue, self._pacing, self._codes
        return Session(link, facts, *parts, ready=self._ready, now=self._now, probing=probing, on_proof=proved)

    def _failed(self, error: BrokerError, generation: int, session: Session | None, lasted: float | None) -> None:
        another_will = lasted is None and self._will.failed(error)
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
        limits, refused = self._limits.listed(), self._listed()
        twice = self._reconnect.duplicate
        sessions = old.sessions + (connected and not old.connected)
        self.state = BrokerState(connected, since, text, sessions, twice, facts, limits, refused)
        self._log.changed(old, self.state, error, now)
        if self.state != old:
            self.on_change()

    def _refused_changed(self) -> None:
        """Tell `health` at once, but not before whoever noticed has finished: it calls from within a settlement."""
        asyncio.get_running_loop().call_soon(self._refresh)

    def _refresh(self) -> None:
        old = self.state
        self.state = replace(old, limits=self._limits.listed(), refused=self._listed())
        if self.state != old:
            self.on_change()

    def _listed(self) -> tuple[Refusal, ...]:
        return self._refusals.listed() + self._holds.listed()
