"""A motion sensor (PIR) with a digital output: 1 while it sees movement."""

from __future__ import annotations

from ..chip import Quantity
from .switch import Switch


class Motion(Switch):
    """A PIR such as the HC-SR501: drives its output high while it is triggered, and does not bounce."""

    name = "motion"
    quantities = (Quantity("state", "", "motion", 0, 1, 1e-9, noisy=False, words=("still", "motion")),)
    pulled = "down"
    bounces = 0.0
