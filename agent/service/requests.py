"""Requests over MQTT: a closed list. Only those that the configuration allows are subscribed to.

A request is a JSON object of at most 4 KiB on `request/<name>`; its `transaction`, and MQTT 5's correlation data, come
back in the answer. QoS 1 may deliver a request twice: the second time it is answered, but not carried out. A response
topic of MQTT 5 is honoured below `response/` only, so that a request cannot make the agent publish anywhere else.
"""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from agent.broker import Message
from agent.messages.topics import Topics

log = logging.getLogger("limpet.requests")

LARGEST = 4096  # bytes
MOST, WITHIN = 20, 10.0  # requests, seconds
REMEMBERED = 64  # transactions
DEEPEST = 8

Handler = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Refused(Exception):
    """The request is refused. The text says why, and what would be accepted."""


class Requests:
    """Answers requests.

    Args:
        handlers: by request name.
        answer: publishes (topic, payload, correlation data).
        clock: seconds, monotonic.
        start: runs the handling of one request; by default in a task of its own.
    """

    def __init__(
        self,
        topics: Topics,
        handlers: dict[str, Handler],
        answer: Callable[[str, bytes, bytes | None], None],
        clock: Callable[[], float],
        start: Callable[[Coroutine[Any, Any, None]], object] | None = None,
    ) -> None:
        self.topics, self.handlers, self.answer, self.clock = topics, handlers, answer, clock
        self.start = start or self._start
        # The loop keeps weak references only: without another one, a task may be collected before it is done.
        self._tasks: set[asyncio.Task[None]] = set()
        self._answers: OrderedDict[tuple[str, str | None], asyncio.Future[bytes]] = OrderedDict()
        self._times: deque[float] = deque(maxlen=MOST)
        self._quiet_until = 0.0

    def listen(self, allowed: Iterable[str], subscribe: Callable[[str, Callable[[Message], object]], None]) -> None:
        """Subscribe to the allowed requests."""
        for name in allowed:
            subscribe(self.topics.request(name), functools.partial(self._heard, name))

    def _start(self, answering: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(answering, name="answer")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _heard(self, name: str, message: Message) -> None:
        self.start(self.handle(name, message))

    async def handle(self, name: str, message: Message) -> None:
        """Carry out a request and answer it."""
        too_many = self._too_many()
        transaction: str | None = None
        try:
            request = _request(message.payload)
            transaction = _transaction(request)
            known = self._answers.get((name, transaction))
            if known is None and too_many:
                raise Refused(f"more than {MOST} requests in {WITHIN:g} s; wait a little")
            answer = await (self._once(name, transaction, request) if known is None else asyncio.shield(known))
        except Refused as refusal:
            self._complain(name, str(refusal))
            answer = _answer(transaction, "error", None, str(refusal))
        self.answer(self._reply_to(name, message), answer, message.correlation)

    async def _once(self, name: str, transaction: str | None, request: dict[str, Any]) -> bytes:
        """Carry out a request and remember the answer for its repetitions. A request that failed may be repeated."""
        promise = self._promise(name, transaction)
        try:
            answer = _answer(transaction, "ok", await self.handlers[name](request), None)
        except BaseException as error:
            self._answers.pop((name, transaction), None)
            if isinstance(error, Refused):
                promise.set_exception(error)
                # Marks the exception as retrieved: there may be no repetition that waits for it.
                promise.exception()
            else:
                promise.cancel()
            raise
        promise.set_result(answer)
        return answer

    def _promise(self, name: str, transaction: str | None) -> asyncio.Future[bytes]:
        promise: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        if transaction is not None:
            self._answers[name, transaction] = promise
            while len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return promise

    def _reply_to(self, name: str, message: Message) -> str:
        """Return the topic of the answer: the requested one, if it is below our own `response/`."""
        ours, asked = self.topics.response(""), message.response_topic or ""
        honoured = asked.startswith(ours) and asked != ours and not set(asked) & set("+#\0")
        return asked if honoured else self.topics.response(name)

    def _too_many(self) -> bool:
        now = self.clock()
        if len(self._times) == MOST and now - self._times[0] < WITHIN:
            return True
        self._times.append(now)
        return False

    def _complain(self, name: str, why: str) -> None:
        """Log a refusal, but not each one of a flood."""
        now = self.clock()
        if now >= self._quiet_until:
            self._quiet_until = now + WITHIN
            log.warning("request refused", extra={"request": name, "why": why})


def _answer(transaction: str | None, status: str, data: dict[str, Any] | None, error: str | None) -> bytes:
    document = {"transaction": transaction, "status": status, "data": data, "error": error}
    return json.dumps(document, allow_nan=False).encode()


def _request(payload: bytes) -> dict[str, Any]:
    if len(payload) > LARGEST:
        raise Refused(f"the request has {len(payload)} bytes; at most {LARGEST} are read")
    try:
        request = json.loads(payload or b"{}")
    except (ValueError, RecursionError) as error:
        raise Refused(f"the request is no JSON: {error}") from None
    if not isinstance(request, dict):
        raise Refused('the request is no JSON object; an example: {"transaction": "1"}')
    if _depth(request) > DEEPEST:
        raise Refused(f"the request is nested deeper than {DEEPEST}")
    return request


def _transaction(request: dict[str, Any]) -> str | None:
    transaction = request.get("transaction")
    if transaction is not None and (not isinstance(transaction, str) or len(transaction) > 128):
        raise Refused("transaction must be a text of at most 128 characters")
    return transaction


def _depth(value: Any, level: int = 0) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return max((_depth(one, level + 1) for one in inner), default=level) if level <= DEEPEST else level
