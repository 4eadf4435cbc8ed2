"""Documents that the broker keeps for latecomers: only the newest of each topic counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence


class Retained:
    """The newest document of each topic, and which of them the broker does not have yet.

    All fields belong to the publisher's event loop.

    Attributes:
        first: topics that lead after connecting, in this order.
    """

    def __init__(self, first: Sequence[str]) -> None:
        self.first = tuple(first)
        self._newest: dict[str, bytes] = {}
        self._due: dict[str, None] = {}
        self._in_flight: set[str] = set()

    def __contains__(self, topic: str) -> bool:
        return topic in self._newest

    @property
    def any_due(self) -> bool:
        """Whether there is a document that the broker does not have, and that is not under way."""
        return bool(self._due)

    def put(self, topic: str, payload: bytes) -> None:
        """Replace a topic's document; it is due even if it is the same."""
        self._newest[topic] = payload
        self._due[topic] = None

    def begin(self) -> None:
        """Begin a new connection: everything is due, in order."""
        self._in_flight.clear()
        leading = [topic for topic in self.first if topic in self._newest]
        self._due = dict.fromkeys([*leading, *self._newest])

    def next(self, may: Callable[[str], bool], only: str | None = None) -> tuple[str, bytes] | None:
        """Take the next document that is due, as topic and payload; never two of one topic at once.

        Args:
            may: returns whether a topic's document may be sent now. only: the topic that is asked for; None: any.
        """
        for topic in self._due if only is None else [only]:
            if topic in self._due and topic not in self._in_flight and may(topic):
                del self._due[topic]
                self._in_flight.add(topic)
                return topic, self._newest[topic]
        return None

    def settled(self, topic: str, *, again: bool = False) -> None:
        """Note that what was taken of this topic was acknowledged, or not taken; `again`: it is due once more."""
        self._in_flight.discard(topic)
        if again:
            self._due[topic] = None
        elif topic not in self._due and self._newest.get(topic) == b"":
            # It is withdrawn: to do so once more could hit what another client has put there since.
            del self._newest[topic]
