"""Which will the broker is asked to keep: the full one, a lesser one where that is refused, or none."""

from __future__ import annotations

from agent.broker import BrokerError, Will

from .limits import NO_QOS_1, NO_RETAIN, Limits

# A CONNACK with one of these names another reason (MQTT 5.0 §3.2.2.2). Every other code, known or not, may be about the
# will: "not authorised" is what several brokers say when we may not write to its topic.
NOT_ABOUT_IT = {0x84, 0x85, 0x86, 0x88, 0x89, 0x8A, 0x8C, 0x9C, 0x9D, 0x9F}
# What a lesser will is, in the order in which it is tried.
FULL, PLAIN, NONE, NOT_THE_WILL = range(4)
# Times that a broker has to hang up on the full will before a lesser one is tried.
HANG_UPS = 2


class LastWill:
    """Chooses the will of each connection. Owned by the publisher's task.

    Most brokers only hang up when they refuse a will, which looks like a broker that restarts. So a lesser will is
    tried once in an outage; if that does not help either, it is not the will. And if it seems to help, the full one
    is tried again at the next connect, before we believe it.
    """

    def __init__(self, topic: str, payload: bytes, limits: Limits) -> None:
        self._topic, self._payload, self._limits = topic, payload, limits
        self.reset()

    def reset(self) -> None:
        """Begin with the full will again."""
        self._stage = self._helped = FULL
        self._confirmed, self._hang_ups = False, 0
        self._limits.will = True

    def choose(self) -> Will | None:
        """Return the will for the next connect."""
        if self._stage == NONE:
            return None
        full = self._stage != PLAIN
        retain, qos = full and self._limits.retain, int(full and self._limits.qos_1)
        return Will(self._topic, self._payload, retain, qos)

    def connected(self) -> None:
        """Note that the broker accepted a session with what was chosen."""
        self._helped = self._stage if self._stage in (PLAIN, NONE) else FULL
        self._confirmed = self._confirmed and self._helped != FULL
        self._limits.will = self._helped != NONE
        self._stage = self._helped if self._confirmed else FULL
        self._hang_ups = 0

    def failed(self, error: BrokerError) -> bool:
        """Note that a connect failed; return whether another will is tried next, at once."""
        if error.code in (NO_RETAIN, NO_QOS_1):
            if not self._limits.learn(error.code):
                self._stage, self._confirmed = NONE, True
            return True
        if not error.hung_up and (error.code is None or error.code in NOT_ABOUT_IT):
            return False
        return self._lesser(HANG_UPS if error.hung_up else 1)

    def _lesser(self, needed: int) -> bool:
        if self._stage == FULL:
            self._hang_ups += 1
            if self._helped != FULL:
                self._stage, self._confirmed = self._helped, True
            elif self._hang_ups >= needed:
                self._stage = PLAIN
            return self._stage != FULL
        if self._stage in (PLAIN, NONE):
            self._stage += 1
            self._helped, self._confirmed = FULL, False
            return self._stage == NONE
        return False
