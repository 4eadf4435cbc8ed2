"""What the broker lacks, as it said or as we found out, and what we do without from then on."""

from __future__ import annotations

from collections.abc import Callable

from agent.broker import Facts, Link

from .outgoing import Outgoing

# A limit on the size of a packet is worth telling below this; what we send is smaller.
PLENTY = 256 * 1024
# Seconds for which a size is believed that the broker did not announce.
BELIEVED = 600.0
NO_RETAIN, NO_QOS_1 = 0x9A, 0x9B


class Limits:
    """The limits of one broker. Lives as long as the publisher, on its event loop.

    Attributes:
        will: the broker takes a will.
        retain, qos_1: it takes what is retained, and what is to be acknowledged, as far as we found out.
        on_trial: which of these two the next session does without, to find out; "": neither.
        unconfirmed: which of them helped in a trial; the next session tries once more with it.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._facts = Facts()
        self.will = self.retain = self.qos_1 = True
        self.on_trial = self.unconfirmed = ""
        self._packet_size: int | None = None
        self._believed_until = 0.0

    def opened(self, link: Link, facts: Facts) -> Facts:
        """Return what a new connection has to obey: what the broker announced, and what we know from earlier ones."""
        self._facts = facts
        if self.unconfirmed:
            setattr(self, self.unconfirmed, True)
        sizes = [one for one in (facts.maximum_packet_size, self._learnt()) if one is not None]
        obeyed = facts._replace(
            maximum_packet_size=min(sizes, default=None),
            maximum_qos=min(facts.maximum_qos, int(self.qos_1 and self.on_trial != "qos_1")),
            retain_available=facts.retain_available and self.retain and self.on_trial != "retain",
        )
        link.obey(obeyed)
        return obeyed

    def learn(self, code: int | None) -> bool:
        """Learn from the code with which the broker refused or ended a session; return whether it says anything new."""
        before = self.retain, self.qos_1
        self.retain = self.retain and code != NO_RETAIN
        self.qos_1 = self.qos_1 and code != NO_QOS_1
        return before != (self.retain, self.qos_1)

    def learn_packet_size(self, batch: Outgoing) -> None:
        """Learn that a packet of this size is too large."""
        self._packet_size = batch.size(self._facts.version) - 1
        self._believed_until = self._now() + BELIEVED

    def listed(self) -> dict[str, object]:
        """Return what is lacking, as `health` tells it; nothing else."""
        lacking: dict[str, object] = {}
        if not (self.retain and self._facts.retain_available):
            lacking["retain"] = False
        if not self.qos_1 or self._facts.maximum_qos == 0:
            lacking["maximum_qos"] = 0
        sizes = [one for one in (self._facts.maximum_packet_size, self._learnt()) if one is not None]
        if min(sizes, default=PLENTY) < PLENTY:
            lacking["maximum_packet_size"] = min(sizes)
        if not self.will:
            lacking["will"] = False
        return lacking

    def _learnt(self) -> int | None:
        return self._packet_size if self._now() < self._believed_until else None
