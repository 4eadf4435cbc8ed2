"""From the outbox to the broker: live first, history paced, and only what was acknowledged is believed delivered."""

from .publisher import Publisher, Settings
from .state import NOT_YET, BrokerState

__all__ = ["NOT_YET", "BrokerState", "Publisher", "Settings"]
