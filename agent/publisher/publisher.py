"""The publisher: one task that owns the connection to the broker, behind its breaker."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from agent.broker import BrokerError, BrokerTimeout, Facts, Handler, Link
from agent.messages.topics import Topics
from agent.outbox import Outbox
from agent.resilience import AsyncCircuitBreaker, BreakerEvent, CircuitOpenError, CircuitState
from agent.resilience.schedule import ENTROPY, Rng

from .pacing import Traffic
from .reconnect import Patience
from .retained import Retained
from .session import Session
from .shared import Shared, Wall

log = logging.getLogger(__name__)

ANSWERS = 16
FALL_AGAIN, REMIND = 150.0, 600.0  # seconds between two lines about falls, and about the same outage
LASTS = 60.0  # seconds after which a fall is told, however soon after another


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to publish.

    Attributes:
        failure_threshold, reset_timeout, max_reset_timeout, multiplier: of the breaker; seconds.
        backfill_rate: batches of history per second; 0: as fast as it goes.
        require_subscriber: keep a batch that nobody had subscribed to (MQTT 5).
        window: messages that may be under way.
    """

    failure_threshold: int = 3
    reset_timeout: float = 5.0
    max_reset_timeout: float = 60.0
    multiplier: float = 2.0
    backfill_rate: float = 20.0
    require_subscriber: bool = False
    window: int = 16


@dataclass(frozen=True, slots=True)
class BrokerState:
    """The connection, for `health`.

    Attributes:
        since: when it became as it is, in seconds of the clock.
        error: why there is no connection; None while there is one.
        sessions: connections so far.
        duplicate: somebody else seems to use our client id.
        facts: what the broker said; None without a connection.
    """

    connected: bool
    since: float
    error: str | None
    sessions: int
    duplicate: bool
    facts: Facts | None


class Publisher:
    """Delivers an outbox and the retained documents through links, one at a time.

    Attributes:
        breaker: guards the connection; its name is "broker".
        on_change: called when `state` changed.
    """

    def __init__(
        self,
        link: Callable[[], Link],
        outbox: Outbox,
        topics: Topics,
        clock: Wall,
        settings: Settings = Settings(),
        *,
        rng: Rng = ENTROPY,
        on_change: Callable[[], object] = lambda: None,
        on_event: Callable[[BreakerEvent], object] | None = None,
    ) -> None:
        self._link, self._clock, self.on_change = link, clock, on_change
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
        retained = Retained((topics.state, topics.status, topics.info, topics.health))
        retained.put(topics.status, b"online")
        traffic = Traffic(clock.now, rng, settings.backfill_rate, settings.window)
        answers: deque[tuple[str, bytes]] = deque(maxlen=ANSWERS)
        self._shared = Shared(outbox, clock, topics, retained, traffic, answers, settings.require_subscriber)
        self._patience = Patience(clock.now, rng, settings.max_reset_timeout)
        self._handlers: list[tuple[str, Handler]] = []
        self._open: Link | None = None
        self._closing, self._stopped = asyncio.Event(), asyncio.Event()
        self._running, self._farewell = False, 0.0
        self._sessions, self._silent = 0, False
        self._told = self._fell = float("-inf")  # the last line about an outage, and about a fall
        self.state = BrokerState(False, clock.now(), "not connected yet", 0, False, None)

    # --- what others want

    def retain(self, topic: str, payload: bytes) -> None:
        """Keep the broker's retained document of `topic` at this; of several the newest is sent."""
        self._shared.retained.put(topic, payload)
        self._shared.outbox.ready.set()

    def answer(self, topic: str, payload: bytes) -> None:
        """Send a message that is worth one attempt, if there is a connection."""
        if self._open is not None:
            self._shared.answers.append((topic, payload))
            self._shared.outbox.ready.set()

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have messages handed over, now and after each reconnect; never retained ones."""
        self._handlers.append((topic_filter, handler))
        if self._open is not None:
            self._open.subscribe(topic_filter, handler)

    def adjust(self, backfill_rate: float, require_subscriber: bool) -> None:
        """Take another pace (see `Settings`) from now on; the connection stays."""
        self._shared.traffic.adjust(backfill_rate)
        self._shared.require_subscriber = require_subscriber
        self._shared.outbox.ready.set()

    async def close(self, patience: float = 1.2) -> None:
        """End `run`: what is fresh gets at most `patience` seconds, then `offline`, then good-bye."""
        self._farewell = self._clock.now() + patience
        self._closing.set()
        self._shared.outbox.ready.set()
        if self._running:
            await self._stopped.wait()

    # --- the owner

    async def run(self) -> None:
        """Keep a connection, until `close`."""
        self._running = True
        try:
            while not self._closing.is_set():
                guarded = self.breaker.state is not CircuitState.CLOSED
                await self._pause(max(self._patience.wait(guarded=guarded), self.breaker.retry_after))
                if self._closing.is_set():
                    break
                try:
                    generation = self.breaker.admit()
                except CircuitOpenError:
                    continue
                await self._connection(generation)
        finally:
            self._stopped.set()
            self._running = False

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self._closing.wait()
            except TimeoutError:
                pass

    async def _connection(self, generation: int) -> None:
        """Connect and serve, and give the breaker its verdict."""
        probing = self.breaker.state is CircuitState.HALF_OPEN
        session: Session | None = None
        began = None
        link: Link | None = None
        self._patience.connecting()
        try:
            link = self._link()
            facts = await self._connect(link)
            if facts is None:
                self.breaker.undecided(generation)
                return
            began = self._clock.now()
            self._opened(link, facts)
            session = Session(link, facts, self._shared, probing=probing, on_proof=lambda: self._proved(generation))
            await session.run(self._closing, lambda: max(0.0, self._farewell - self._clock.now()))
            self.breaker.undecided(generation)
        except BrokerError as error:
            self._failed(error, generation, session, None if began is None else self._clock.now() - began)
        except BaseException:
            self.breaker.undecided(generation)
            raise
        finally:
            self._open = None
            if link is not None:
                link.abort()
        if self._closing.is_set():
            self._become(connected=False)

    async def _connect(self, link: Link) -> Facts | None:
        """Return the facts of the open link; None if we are to end meanwhile."""
        connecting = asyncio.ensure_future(link.connect())
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            await asyncio.wait((connecting, closing), return_when=asyncio.FIRST_COMPLETED)
            return connecting.result() if connecting.done() else None
        finally:
            for task in (connecting, closing):
                task.cancel()
            await asyncio.wait((connecting, closing))
            if not connecting.cancelled():
                connecting.exception()

    def _opened(self, link: Link, facts: Facts) -> None:
        self._open = link
        self._sessions += 1
        self._shared.answers.clear()
        for topic_filter, handler in self._handlers:
            link.subscribe(topic_filter, handler)
        self._become(connected=True, facts=facts)

    def _proved(self, generation: int) -> None:
        self._patience.proved()
        self.breaker.succeeded(generation)

    def _failed(self, error: BrokerError, generation: int, session: Session | None, lasted: float | None) -> None:
        if session is None or not session.proved:
            self.breaker.failed(generation, error)
        elif isinstance(error, BrokerTimeout):  # it acknowledged before, and then fell silent
            self.breaker.failed(self.breaker.admit(), error)
        else:
            self.breaker.undecided(generation)
        self._patience.ended(error, lasted)
        self._become(connected=False, error=error)

    def _become(self, *, connected: bool, error: BrokerError | None = None, facts: Facts | None = None) -> None:
        old, now = self.state, self._clock.now()
        since = now if connected != old.connected else old.since
        text = None if connected else str(error or "closed")
        self.state = BrokerState(connected, since, text, self._sessions, self._patience.duplicate, facts)
        self._tell(old, error, now)
        if self.state != old:
            self.on_change()

    def _tell(self, old: BrokerState, error: BrokerError | None, now: float) -> None:
        """Log the changes: a fall, its return, and seldom that it still lasts."""
        new, away = self.state, round(now - old.since, 1)
        if new.duplicate and not old.duplicate:
            log.error("client id seems to be used twice", extra={"client": self._shared.topics.client_id})
        if new.connected:
            if not old.connected and (not self._silent or away >= LASTS):
                log.info("broker connected", extra={"after": away, "version": new.facts.version if new.facts else ""})
            self._silent = True
        elif error is not None and self._worth_telling(old, now):
            level = logging.ERROR if error.permanent else logging.WARNING
            fell = old.connected or self._silent
            log.log(level, "broker lost" if fell else "broker away", extra={"error": str(error)})
            self._told, self._silent = now, False
            if old.connected:
                self._fell = now

    def _worth_telling(self, old: BrokerState, now: float) -> bool:
        if old.connected:
            return now - self._fell >= FALL_AGAIN
        return now - old.since >= LASTS if self._silent else now - self._told >= REMIND
