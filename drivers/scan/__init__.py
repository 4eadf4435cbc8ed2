"""Finds the chips on an I2C bus by reading alone."""

from .bus_scan import DEAD_AFTER, LIMIT, BusScan, Found, drivers, run

__all__ = ["DEAD_AFTER", "LIMIT", "BusScan", "Found", "drivers", "run"]
