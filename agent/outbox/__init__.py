"""Bytes that wait for the broker: what waits, in which order, and what had to be given up.

`Outbox` orders and bounds; a `Store` keeps rows over a power cut and knows nothing of the reasons. An outbox without
a disk has a `NullStore`.
"""

from .outbox import Outbox
from .store import Contents, Gap, Item, NullStore, Previous, Row, Stats, Store

__all__ = ["Contents", "Gap", "Item", "NullStore", "Outbox", "Previous", "Row", "Stats", "Store"]
