"""Another client with our client id, where the broker does not say so: known by what it publishes."""

from __future__ import annotations

from collections.abc import Callable

from agent.broker import Message
from agent.messages import payloads

from .others import Others
from .reconnect import Reconnect


class TwinWatch:
    """Has the broker show its `info` where sessions end as they do with a twin. Owned by the publisher's task.

    Once the broker has had ours, the `info` of another run on our topic can only come from a twin that runs now.

    Args:
        found: called when there is one.
    """

    def __init__(
        self, topic: str, run_id: str, others: Others, reconnect: Reconnect, found: Callable[[], object]
    ) -> None:
        self._topic, self._run_id = topic, run_id
        self._others, self._reconnect, self._found = others, reconnect, found

    def begin(self) -> None:
        """Look in the session that begins, if there is reason to."""
        if self._reconnect.suspicious and self._others.info_taken:
            self._others.subscribe(self._topic, self._see, retained=True)
        else:
            self._others.unsubscribe(self._topic)

    def _see(self, message: Message) -> None:
        if payloads.run_of(message.payload) not in (None, self._run_id):
            self._reconnect.twin_found()
            self._found()
