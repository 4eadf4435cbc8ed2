"""What a broker lacks that only hangs up: found out by trying without it, once.

MQTT 3.1.1 has no way to say that QoS 1 or retained messages are not supported, so such a broker looks like one that
forbids every topic. So does one that is in trouble for a few seconds: what helped is believed when the next session,
which tries with it once more, ends the same way.
"""

from __future__ import annotations

from collections.abc import Sequence

from .limits import Limits
from .outgoing import Outgoing, Purpose

# Sessions that the broker has to end before anything of a kind was taken, until it is tried without.
AFTER = 3


class Trials:
    """Lives as long as the publisher, on its event loop."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.reset()

    def reset(self) -> None:
        """Try everything again."""
        # What has been taken so far: anything published, and a document that it retained.
        self._published = self._retained = False
        self._hang_ups = self._document_hang_ups = 0
        self._tried: set[str] = set()

    def hung_up(self, blamed: Sequence[Outgoing]) -> None:
        """Note that the broker ended a session with these under way; decide what the next one does without."""
        published = [packet for packet in blamed if packet.purpose is not Purpose.SUBSCRIPTION]
        if not published:
            return
        self._limits.on_trial = ""
        if (doubted := self._doubted()) is not None:
            setattr(self._limits, doubted, False)
            self._limits.unconfirmed = ""
        self._hang_ups += 1
        self._document_hang_ups += any(packet.purpose is Purpose.DOCUMENT for packet in published)
        if not self._published and self._hang_ups >= AFTER:
            self._try_without("qos_1")
        elif self._published and not self._retained and self._document_hang_ups >= AFTER:
            self._try_without("retain")

    def taken(self, packet: Outgoing) -> bool:
        """Note that the broker took a packet; return whether a trial helped, so that every refusal is void."""
        if packet.purpose is Purpose.SUBSCRIPTION:
            return False
        document = packet.purpose is Purpose.DOCUMENT
        without = self._limits.on_trial
        helped = without == "qos_1" or (without == "retain" and document)
        if helped:
            setattr(self._limits, without, False)
            self._limits.on_trial, self._limits.unconfirmed = "", without
        elif (doubted := self._doubted()) == "qos_1" or (doubted is not None and document):
            self._limits.unconfirmed = ""
        self._published = True
        self._retained |= document
        return helped

    def _doubted(self) -> str | None:
        """Return what helped to do without, if this session tries once more with it."""
        doubted = self._limits.unconfirmed
        return doubted if doubted and getattr(self._limits, doubted) else None

    def _try_without(self, what: str) -> None:
        if what not in self._tried and getattr(self._limits, what):
            self._tried.add(what)
            self._limits.on_trial = what
