"""The drivers by name. A driver's module is imported when it is configured, never before."""

from __future__ import annotations

import difflib
import importlib
import inspect
from typing import TYPE_CHECKING, Any

from .errors import UnknownDriver

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

_CHIPS = {
    "bme280": "bme280:Bme280",
    "bmp280": "bme280:Bmp280",
    "bmp388": "bmp3xx:Bmp388",
    "bmp390": "bmp3xx:Bmp390",
    "bme680": "bme680:Bme680",
    "sht3x": "sht3x:Sht3x",
    "sht4x": "sht4x:Sht4x",
    "aht20": "aht20:Aht20",
    "htu21d": "htu21d:Htu21d",
    "si7021": "htu21d:Si7021",
    "tmp117": "tmp117:Tmp117",
    "tmp102": "tmp102:Tmp102",
    "lm75": "lm75:Lm75",
    "mcp9808": "mcp9808:Mcp9808",
    "mlx90614": "mlx90614:Mlx90614",
    "ads1115": "ads1115:Ads1115",
    "ads1015": "ads1115:Ads1015",
    "pcf8591": "pcf8591:Pcf8591",
    "ina219": "ina219:Ina219",
    "ina226": "ina226:Ina226",
    "max17048": "max17048:Max17048",
    "bh1750": "bh1750:Bh1750",
    "veml7700": "veml7700:Veml7700",
    "tsl2591": "tsl2591:Tsl2591",
    "scd4x": "scd4x:Scd4x",
    "sgp30": "sgp30:Sgp30",
    "ccs811": "ccs811:Ccs811",
    "mpu6050": "mpu6050:Mpu6050",
    "lis3dh": "lis3dh:Lis3dh",
    "adxl345": "adxl345:Adxl345",
    "vl53l0x": "vl53l0x:Vl53l0x",
    "ds3231": "ds3231:Ds3231",
}
_PINS = {
    name: f"{name}:{name.capitalize()}" for name in ("contact", "motion", "button", "pulse", "distance", "mcp3008")
}
_KERNEL = {name: f"{name}:{name.capitalize()}" for name in ("ds18b20", "dht", "iio", "hwmon", "host")}

_MODULES = {
    **{name: f"drivers.chips.{place}" for name, place in _CHIPS.items()},
    **{name: f"drivers.pins.{place}" for name, place in _PINS.items()},
    **{name: f"drivers.kernel.{place}" for name, place in _KERNEL.items()},
}


def names() -> list[str]:
    """Return all driver names, ours first, then those of installed packages (entry points `limpet.drivers`)."""
    return [*_MODULES, *(point.name for point in _installed() if point.name not in _MODULES)]


def find(name: str) -> Any:
    """Return the driver class called `name`.

    Raises:
        UnknownDriver: with the nearest names.
    """
    if not isinstance(name, str):
        raise UnknownDriver(f"a driver's name is a text such as 'bme280', not {name!r}")
    if name in _MODULES:
        module, _, attribute = _MODULES[name].partition(":")
        return getattr(importlib.import_module(module), attribute)
    for point in _installed().select(name=name):
        return point.load()
    near = difflib.get_close_matches(name, names(), 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "`limpet chips` lists them"
    raise UnknownDriver(f"no driver is called {name!r}; {hint}")


def _installed() -> EntryPoints:
    """Return the drivers of other packages."""
    # Imported here, because it takes 20 ms that most runs can save.
    from importlib.metadata import entry_points

    return entry_points(group="limpet.drivers")


def open_chip(name: str, bus: Any = None, address: int | None = None, **options: Any) -> Any:
    """Return a sensor by its driver's name, without any I/O.

    `open_chip("bme280", bus, address=0x76)` for an I2C chip over anything with smbus2.SMBus's methods;
    `open_chip("ds18b20", path=…)`, `open_chip("motion", pin=…)` likewise.

    Raises:
        UnknownDriver: a LookupError, with the nearest names.
        ValueError, TypeError: an option is wrong.
    """
    driver = find(name)
    arguments = (bus, address) if driver.addresses else ()
    takes = inspect.signature(driver)
    try:
        takes.bind(*arguments, **options)
    # Python's own message names the base class that defines the constructor.
    except TypeError as error:
        raise TypeError(f"{name} ({driver.__name__}): {error}; it takes {', '.join(takes.parameters)}") from None
    return driver(*arguments, **options)
