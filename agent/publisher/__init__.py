"""From the outbox to the broker: live first, history paced, and only what was acknowledged is believed delivered."""

from .publisher import Publisher, Settings
from .state import BrokerState

__all__ = ["BrokerState", "Publisher", "Settings"]
