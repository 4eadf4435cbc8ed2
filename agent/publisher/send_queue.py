"""What leaves next: the present leads, then batches, live before history, and between them everything else."""

from __future__ import annotations

from collections.abc import Callable

from agent.broker import Facts

from .alarm import Alarm
from .batches import Batches
from .in_flight import InFlight, MustBeAlone
from .others import Others
from .outgoing import Outgoing, Purpose

# Batches of history that may pass between two live ones when both wait: a backlog shrinks even when every slot of a
# narrow window could be taken by something live.
HISTORY_BETWEEN_LIVE = 3
# Batches that may pass before a document, if one waits. Documents are renewed with each round: on a link on which an
# acknowledgement takes as long as a round, either could keep the other from ever leaving.
BATCHES_BETWEEN_OTHERS = 3


class SendQueue:
    """Chooses the next packet.

    Lives as long as the publisher; all fields belong to its event loop. `begin` and `end` enclose one session, whose
    task and callbacks call everything else.

    Attributes:
        batch_first: the last session waited in vain for the acknowledgement of a document. One batch leads, or a
            broker that never acknowledges this document would never get any.
    """

    def __init__(self, batches: Batches, others: Others, alarm: Alarm) -> None:
        self.batches, self.others, self._alarm = batches, others, alarm
        self.batch_first = False
        self._history_owed = self._batches_in_a_row = 0

    def begin(self, facts: Facts, in_flight: InFlight, wake: Callable[[], object]) -> None:
        """Begin a session; `wake` is called whenever something may leave that had to wait before."""
        self._alarm.begin(wake)
        self.batches.begin(facts, in_flight, wake)
        self.others.begin(facts, in_flight)
        self._history_owed = self._batches_in_a_row = 0

    async def end(self) -> None:
        """End the session: give everything back that was taken and not sent."""
        self._alarm.end()
        await self.batches.end()

    def next(self, *, last_slot: bool, only_live: bool = False) -> Outgoing | None:
        """Return the next packet; None while nothing may leave.

        Args:
            last_slot: only one more may be under way, of several. It is kept for what happens now.
            only_live: we are about to end.
        """
        # Most questions come after an acknowledgement, when everything has left.
        if not (self.batches.any_left or self.others.any_left):
            return None
        try:
            if only_live:
                return self.batches.live()
            packet = self.batches.live() or self.batches.historical() if self.batch_first else None
            if packet is None and self.batch_first and self.batches.coming():
                return None
            packet = packet or self.others.leading() or self._in_turn(last_slot)
        except MustBeAlone:
            return None
        if packet is not None:
            self.batch_first = False
            self._batches_in_a_row = self._batches_in_a_row + 1 if packet.purpose is Purpose.BATCH else 0
        return packet

    def settled(self, packet: Outgoing, *, again: bool) -> None:
        """Note that a packet was settled; `again`: it has to be sent once more."""
        if packet.purpose is Purpose.BATCH:
            self.batches.settled(packet, again=again)
        else:
            self.others.settled(packet, again=again)

    def _in_turn(self, last_slot: bool) -> Outgoing | None:
        if self._batches_in_a_row >= BATCHES_BETWEEN_OTHERS and (packet := self.others.next()) is not None:
            return packet
        if self._history_owed and (packet := self._history(last_slot)) is not None:
            self._history_owed -= 1
            return packet
        if (packet := self.batches.live()) is not None:
            self._history_owed = HISTORY_BETWEEN_LIVE
            return packet
        self._history_owed = 0
        if self.batches.coming():
            return None
        if self._batches_in_a_row:
            return self.others.next() or self._history(last_slot)
        return self._history(last_slot) or self.others.next()

    def _history(self, last_slot: bool) -> Outgoing | None:
        return None if last_slot else self.batches.historical()
