"""A reed contact, a door switch, a float switch: 1 while it is closed (with the default pull-up: line at ground)."""

from __future__ import annotations

from ..chip import Quantity
from .switch import Switch


class Contact(Switch):
    """A contact between the pin and ground; `pull = "down"` for one to 3.3 V."""

    name = "contact"
    quantities = (Quantity("state", "", None, 0, 1, 1e-9, noisy=False, words=("open", "closed")),)
