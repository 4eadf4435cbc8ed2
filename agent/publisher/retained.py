"""Documents that the broker keeps for latecomers: only the newest of each topic counts."""

from __future__ import annotations

from collections.abc import Sequence


class Retained:
    """The newest document of each topic, and which of them the broker does not have yet.

    Attributes:
        first: topics that lead after connecting, in this order.
    """

    def __init__(self, first: Sequence[str]) -> None:
        self.first = tuple(first)
        self._newest: dict[str, bytes] = {}
        self._due: dict[str, None] = {}
        self._in_flight: dict[str, bytes] = {}

    def put(self, topic: str, payload: bytes) -> None:
        """Replace a topic's document; it is due even if it is the same."""
        self._newest[topic] = payload
        self._due[topic] = None

    def begin(self) -> None:
        """A new connection: everything is due, in order."""
        self._in_flight.clear()
        leading = [topic for topic in self.first if topic in self._newest]
        self._due = dict.fromkeys([*leading, *self._newest])

    def next(self) -> tuple[str, bytes] | None:
        """Take the next document that is due; of one topic never two at once."""
        for topic in self._due:
            if topic not in self._in_flight:
                del self._due[topic]
                payload = self._in_flight[topic] = self._newest[topic]
                return topic, payload
        return None

    def settled(self, topic: str) -> None:
        """What was taken of this topic was acknowledged, or will never be."""
        self._in_flight.pop(topic, None)
