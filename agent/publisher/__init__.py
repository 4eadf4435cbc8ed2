"""From the outbox to the broker: live first, history paced, nothing believed that was not acknowledged."""

from .publisher import BrokerState, Publisher, Settings

__all__ = ["BrokerState", "Publisher", "Settings"]
