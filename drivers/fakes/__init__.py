"""Fakes: chips at register level on a fake kernel below smbus2, so that the true drivers run on a desktop.

>>> from drivers import open_chip
>>> from drivers.fakes import FakeBus, fake_chip
>>> bus = FakeBus({0x76: fake_chip("bme280")})
>>> bus.chips[0x76].feel(temperature=-3.2)
>>> round(open_chip("bme280", bus).read()["temperature"], 1)
-3.2
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points
from typing import Any

from .chip import FakeChip, FakeRegisters, FakeWords, Nack, clamp, word
from .faults import Faults, InjectedFault
from .kernel import ADAPTERS, FakeBus
from .time import FakeTime

__all__ = [
    "ADAPTERS",
    "FakeBus",
    "FakeChip",
    "FakeRegisters",
    "FakeTime",
    "FakeWords",
    "Faults",
    "InjectedFault",
    "Nack",
    "clamp",
    "fake_chip",
    "word",
]

_FILES = {"bmp280": "bme280", "bmp388": "bmp3xx", "bmp390": "bmp3xx", "si7021": "htu21d", "ads1015": "ads1115"}
_FILES |= {"sgp40": "sgp4x", "sgp41": "sgp4x"}
_FILES |= {"sht2x": "htu21d", "aht10": "aht20"}
_FILES |= dict.fromkeys(("mcp3421", "mcp3422", "mcp3424"), "mcp342x")
_FILES |= {"motion": "contact", "button": "contact", "dht": "iio", "hwmon": "iio", "mcp3208": "mcp3008"}


def fake_chip(name: str, **world: Any) -> FakeChip:
    """Return the fake of the driver called `name`; `world` is what it feels at first.

    Raises:
        LookupError: there is no fake for it, not even in another package (entry points `limpet.fakes`).
    """
    try:
        module = importlib.import_module(f".{_FILES.get(name, name)}", __name__)
    except ModuleNotFoundError:
        for point in entry_points(group="limpet.fakes", name=name):
            return point.load()(**world)  # type: ignore[no-any-return]
        raise LookupError(f"no fake is called {name!r}") from None
    return getattr(module, f"Fake{name.capitalize()}")(**world)  # type: ignore[no-any-return]
