"""The drivers by name. A driver's module is imported when it is configured, never before."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import TYPE_CHECKING, Any

from .errors import UnknownDriver

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

    from .chip.options import Option

_CHIPS = {
    "bme280": "bme280:Bme280",
    "bmp280": "bme280:Bmp280",
    "bmp388": "bmp3xx:Bmp388",
    "bmp390": "bmp3xx:Bmp390",
    "bmp180": "bmp180:Bmp180",
    "bme680": "bme680:Bme680",
    "dps310": "dps310:Dps310",
    "ms5611": "ms5611:Ms5611",
    "sht3x": "sht3x:Sht3x",
    "sht4x": "sht4x:Sht4x",
    "shtc3": "shtc3:Shtc3",
    "sht2x": "htu21d:Sht2x",
    "aht20": "aht20:Aht20",
    "aht10": "aht20:Aht10",
    "htu21d": "htu21d:Htu21d",
    "si7021": "htu21d:Si7021",
    "hdc1080": "hdc1080:Hdc1080",
    "hdc302x": "hdc302x:Hdc302x",
    "am2320": "am2320:Am2320",
    "bmp581": "bmp581:Bmp581",
    "lps22hb": "lps22hb:Lps22hb",
    "hts221": "hts221:Hts221",
    "tmp117": "tmp117:Tmp117",
    "tmp102": "tmp102:Tmp102",
    "lm75": "lm75:Lm75",
    "tmp1075": "tmp1075:Tmp1075",
    "adt7410": "adt7410:Adt7410",
    "mcp9808": "mcp9808:Mcp9808",
    "mlx90614": "mlx90614:Mlx90614",
    "ads1115": "ads1115:Ads1115",
    "ads1015": "ads1115:Ads1015",
    "pcf8591": "pcf8591:Pcf8591",
    "mcp342x": "mcp342x:Mcp342x",
    "mcp3421": "mcp342x:Mcp3421",
    "mcp3422": "mcp342x:Mcp3422",
    "mcp3424": "mcp342x:Mcp3424",
    "ina219": "ina219:Ina219",
    "ina226": "ina226:Ina226",
    "ina228": "ina228:Ina228",
    "ina260": "ina260:Ina260",
    "ina3221": "ina3221:Ina3221",
    "max17048": "max17048:Max17048",
    "bh1750": "bh1750:Bh1750",
    "veml7700": "veml7700:Veml7700",
    "veml6075": "veml6075:Veml6075",
    "tsl2591": "tsl2591:Tsl2591",
    "tsl2561": "tsl2561:Tsl2561",
    "opt3001": "opt3001:Opt3001",
    "max44009": "max44009:Max44009",
    "ltr390": "ltr390:Ltr390",
    "ltr559": "ltr559:Ltr559",
    "scd4x": "scd4x:Scd4x",
    "scd30": "scd30:Scd30",
    "sps30": "sps30:Sps30",
    "sen5x": "sen5x:Sen5x",
    "sgp30": "sgp30:Sgp30",
    "sgp40": "sgp4x:Sgp40",
    "sgp41": "sgp4x:Sgp41",
    "ens160": "ens160:Ens160",
    "ccs811": "ccs811:Ccs811",
    "mpu6050": "mpu6050:Mpu6050",
    "mpu6500": "mpu6500:Mpu6500",
    "lis3dh": "lis3dh:Lis3dh",
    "adxl345": "adxl345:Adxl345",
    "vl53l0x": "vl53l0x:Vl53l0x",
    "vl53l1x": "vl53l1x:Vl53l1x",
    "ds3231": "ds3231:Ds3231",
}
_SPI = {
    "max31855": "max31855:Max31855",
    "max31856": "max31856:Max31856",
    "max31865": "max31865:Max31865",
    "mcp3008": "mcp3008:Mcp3008",
    "mcp3208": "mcp3008:Mcp3208",
}
_PINS = {name: f"{name}:{name.capitalize()}" for name in ("contact", "motion", "button", "pulse", "distance")}
_UART = {name: f"{name}:{name.capitalize()}" for name in ("pms5003", "sds011", "mhz19")}
_KERNEL = {name: f"{name}:{name.capitalize()}" for name in ("ds18b20", "dht", "iio", "hwmon", "host")}

# What people call a sensor, without blanks, hyphens and underscores: the driver that reads it.
PEOPLE = {
    **dict.fromkeys(("pir", "hcsr501", "hcsr505", "am312", "rcwl0516", "ld2410", "radar", "presence"), "motion"),
    **dict.fromkeys(("reed", "door", "window", "leak", "float", "tilt", "switch", "ky021"), "contact"),
    **dict.fromkeys(("hcsr04", "hcsr04p", "jsnsr04t", "us100", "ultrasonic", "sonar"), "distance"),
    **dict.fromkeys(("anemometer", "rain", "raingauge", "flow", "flowmeter", "yfs201", "meter", "counter"), "pulse"),
    **dict.fromkeys(("pushbutton", "key", "doorbell"), "button"),
    **dict.fromkeys(("dht11", "dht22", "dht21", "am2301", "am2302"), "dht"),
    **dict.fromkeys(("ds18s20", "ds1822", "ds28ea00", "max31850", "1wire", "onewire", "w1"), "ds18b20"),
    **dict.fromkeys(("sht30", "sht31", "sht31d", "sht35", "sht85"), "sht3x"),
    **dict.fromkeys(("sht40", "sht41", "sht43", "sht45"), "sht4x"),
    **dict.fromkeys(("sht20", "sht21", "sht25"), "sht2x"),
    **dict.fromkeys(("aht21", "aht25", "am2301b", "dht20", "am2315c"), "aht20"),
    **dict.fromkeys(("hdc3020", "hdc3021", "hdc3022"), "hdc302x"),
    **dict.fromkeys(("hdc1000", "hdc1008", "hdc1010"), "hdc1080"),
    **dict.fromkeys(("scd40", "scd41", "scd43"), "scd4x"),
    **dict.fromkeys(("sen50", "sen54", "sen55"), "sen5x"),
    **dict.fromkeys(("mpu9250", "mpu9255", "mpu6555", "gy9250", "gy6500"), "mpu6500"),
    **dict.fromkeys(("mhz19b", "mhz19c"), "mhz19"),
    **dict.fromkeys(("bmp580", "bmp585"), "bmp581"),
    **dict.fromkeys(("ltr390uv", "ltr390uv01"), "ltr390"),
    **dict.fromkeys(("ltr559als", "ltr559als01"), "ltr559"),
    **dict.fromkeys(("mcp3423", "mcp3426", "mcp3427"), "mcp3422"),
    **dict.fromkeys(("pms7003", "pmsa003", "pms3003", "pms1003", "pms9003m", "plantower"), "pms5003"),
    **dict.fromkeys(("pms5003t", "pms5003st"), "pms5003"),
    **dict.fromkeys(("sds018", "sds021", "nova", "novapm"), "sds011"),
    **dict.fromkeys(("pt100", "pt1000", "rtd"), "max31865"),
    **{"thermocouple": "max31856"},
    **dict.fromkeys(("cpu", "pi", "raspberrypi", "system"), "host"),
    **{"gy21": "htu21d", "gy30": "bh1750", "gy302": "bh1750", "gy906": "mlx90614", "gy521": "mpu6050"},
    **{
        "gy63": "ms5611",
        "gy65": "bmp180",
        "gy68": "bmp180",
        "gysht20": "sht2x",
        "adt7420": "adt7410",
        "dps368": "dps310",
    },
    **{"bmp085": "bmp180", "bme688": "bme680", "max17049": "max17048", "am2321": "am2320"},
    **dict.fromkeys(("lm75a", "lm75b", "tmp75", "pct2075"), "lm75"),
    **{"gy49": "max44009", "gy2561": "tsl2561", "cjmcu3001": "opt3001", "lps22": "lps22hb"},
    **{"mcp3425": "mcp3421", "mcp3428": "mcp3424"},
    **{"tof": "vl53l0x", "vl53l1": "vl53l1x", "ads1x15": "ads1115"},
}

_MODULES = {
    **{name: f"drivers.chips.{place}" for name, place in (*_CHIPS.items(), *_SPI.items())},
    **{name: f"drivers.pins.{place}" for name, place in _PINS.items()},
    **{name: f"drivers.uart.{place}" for name, place in _UART.items()},
    **{name: f"drivers.kernel.{place}" for name, place in _KERNEL.items()},
}


# Drivers that read no device.
_WITHOUT_DEVICE = {"vote": "drivers.chip.vote:Vote"}


def ours(room: str = "") -> list[str]:
    """Return the names of the drivers in this repository, or of those in one room: `chips`, `pins` …"""
    return [name for name, place in _MODULES.items() if place.startswith(f"drivers.{room}")]


def names() -> list[str]:
    """Return all driver names, ours first, then those of installed packages (entry points `limpet.drivers`)."""
    own = _MODULES | _WITHOUT_DEVICE
    return [*own, *(point.name for point in _installed() if point.name not in own)]


def find(name: str) -> Any:
    """Return the driver class called `name`.

    Raises:
        UnknownDriver: with the nearest names. ImportError: another package's driver cannot be loaded, or is none.
    """
    if not isinstance(name, str):
        raise UnknownDriver(f"a driver's name is a text such as 'bme280', not {name!r}")
    place = _MODULES.get(name) or _WITHOUT_DEVICE.get(name)
    if place is not None:
        module, _, attribute = place.partition(":")
        return getattr(importlib.import_module(module), attribute)
    for point in _installed().select(name=name):
        return _loaded(point)
    meant = nearest(name)
    hint = f"did you mean {' or '.join(meant)}?" if meant else "`limpet chips` lists them"
    raise UnknownDriver(f"no driver is called {name!r}; {hint}")


def _loaded(point: EntryPoint) -> Any:
    """Return the driver of another package, whose module may fail in any way."""
    try:
        driver = point.load()
    except Exception as error:
        raise ImportError(f"{point.value} fails with {error!r}") from error
    if not hasattr(driver, "addresses") or not hasattr(driver, "quantities"):
        raise ImportError(
            f"{point.value} is no driver: make it a subclass of drivers.chip.I2cChip or drivers.chip.Driver"
        )
    return driver


def known_as(name: str) -> str | None:
    """Return the driver that reads what people call by this name: `pir`, `HC-SR04`, `dht22`."""
    plain, known = _plain(name), names()
    return next((one for one in (PEOPLE.get(plain, ""), plain) if one in known), None)


def nearest(name: str) -> list[str]:
    """Return the drivers that were probably meant: the one behind a name that people use, else up to three alike."""
    if (meant := known_as(name)) is not None:
        return [meant]
    plain, known = _plain(name), names()
    import difflib

    alike = difflib.get_close_matches(plain, [*known, *PEOPLE], 6, 0.6)
    return [one for one in dict.fromkeys(PEOPLE.get(one, one) for one in alike) if one in known][:3]


def _plain(name: str) -> str:
    return re.sub(r"[-_ ]", "", name.lower())


def options(driver: Any) -> dict[str, Option]:
    """Return what a driver takes besides bus and address, each with default, text and what a value may be."""
    from .chip import options as declared

    return declared.options(driver)


def _installed() -> EntryPoints:
    """Return the drivers of other packages."""
    # Imported here, because it takes 20 ms that most runs can save.
    from importlib.metadata import entry_points

    return entry_points(group="limpet.drivers")


def open_chip(name: str, bus: Any = None, address: int | None = None, **options: Any) -> Any:
    """Return a sensor by its driver's name, without any I/O.

    `open_chip("bme280", bus, address=0x76)` for an I2C chip over anything with smbus2.SMBus's methods;
    `open_chip("ds18b20", path=…)`, `open_chip("motion", pin=…)`, `open_chip("max31855", select=1)` and
    `open_chip("pms5003", port="/dev/serial0")` likewise.

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
    from .chip.options import check

    # Its own words come first: they know more than the declared types.
    try:
        chip = driver(*arguments, **options)
    except ValueError:
        raise
    except Exception:
        check(driver, options)
        raise
    check(driver, options)
    return chip
