"""Orders over MQTT: a closed list of verbs, each allowed by the configuration or not heard at all.

A request is a JSON object below 4 KiB on `request/<verb>`; its `transaction` comes back in the answer, and one that was
answered already is answered again, not done again (QoS 1 delivers twice).
"""

from __future__ import annotations

import functools
import json
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from .broker import Message
from .topics import Topics

log = logging.getLogger("limpet.orders")

LARGEST = 4096  # bytes
MOST, WITHIN = 20, 10.0  # requests in so many seconds; more are refused
REMEMBERED = 64  # transactions
DEEPEST = 8

Order = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]


class Refused(Exception):
    """The request makes no sense; the text says why and what would."""


class Orders:
    """Answers requests.

    Args:
        verbs: what can be done. answer: sends (topic, payload). clock: seconds, monotonic.
        start: runs an answer beside everything else.
    """

    def __init__(
        self,
        topics: Topics,
        verbs: dict[str, Order],
        answer: Callable[[str, bytes], None],
        clock: Callable[[], float],
        start: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self.topics, self.verbs, self.answer, self.clock, self.start = topics, verbs, answer, clock, start
        self._answered: OrderedDict[tuple[str, str], bytes] = OrderedDict()
        self._times: deque[float] = deque(maxlen=MOST)

    def listen(self, allowed: Iterable[str], subscribe: Callable[[str, Callable[[Message], object]], None]) -> None:
        """Subscribe to what is allowed, and to nothing else."""
        for verb in allowed:
            subscribe(self.topics.request(verb), functools.partial(self._heard, verb))

    def _heard(self, verb: str, message: Message) -> None:
        self.start(self.obey(verb, message))

    async def obey(self, verb: str, message: Message) -> None:
        """Do what a request asks and answer it."""
        transaction: str | None = None
        try:
            request = _request(message.payload)
            transaction = _transaction(request)
            if transaction is not None and (verb, transaction) in self._answered:
                self.answer(self.topics.response(verb), self._answered[verb, transaction])
                return
            self._not_too_many()
            data, error = await self.verbs[verb](request), None
        except Refused as refusal:
            data, error = None, str(refusal)
            log.warning("order refused", extra={"verb": verb, "why": error})
        status = "ok" if error is None else "error"
        document = {"transaction": transaction, "status": status, "data": data, "error": error}
        payload = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        if transaction is not None and error is None:
            self._answered[verb, transaction] = payload
            while len(self._answered) > REMEMBERED:
                self._answered.popitem(last=False)
        self.answer(self.topics.response(verb), payload)

    def _not_too_many(self) -> None:
        now = self.clock()
        if len(self._times) == MOST and now - self._times[0] < WITHIN:
            raise Refused(f"more than {MOST} requests in {WITHIN:g} s; wait a little")
        self._times.append(now)


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
