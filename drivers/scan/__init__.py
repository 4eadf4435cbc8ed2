"""Which chips are on an I2C bus, found by reading alone."""

from .bus_scan import DEAD_AFTER, LIMIT, BusScan, Found, drivers, run

__all__ = ["DEAD_AFTER", "LIMIT", "BusScan", "Found", "drivers", "run"]
