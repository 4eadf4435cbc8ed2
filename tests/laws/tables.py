"""What the laws for drivers must know about single chips: each exception by name, with its reason."""

from __future__ import annotations

NO_CHECK = "no checksum on the wire"

# A flipped bit in these chips' answers cannot always be told from a measurement; they must not crash, and must be right
# again with the next reading.
UNPROTECTED = {
    "ads1015": NO_CHECK,
    "ads1115": NO_CHECK,
    "adxl345": NO_CHECK,
    "bh1750": NO_CHECK,
    "bme280": NO_CHECK,
    "bme680": NO_CHECK,
    "bmp280": NO_CHECK,
    "bmp388": NO_CHECK,
    "bmp390": NO_CHECK,
    "ccs811": NO_CHECK,
    "ds3231": NO_CHECK,
    "ina219": NO_CHECK,
    "ina226": NO_CHECK,
    "lis3dh": NO_CHECK,
    "lm75": NO_CHECK,
    "max17048": NO_CHECK,
    "mcp9808": NO_CHECK,
    "mpu6050": NO_CHECK,
    "pcf8591": NO_CHECK,
    "tmp102": NO_CHECK,
    "tmp117": NO_CHECK,
    "tsl2591": NO_CHECK,
    "veml7700": NO_CHECK,
    "vl53l0x": NO_CHECK,
}

# Transfers of one reading once the chip is set up.
TRANSFERS = {"bme280": 4, "aht20": 2, "sht4x": 2, "ina219": 3, "ads1115": 16, "ads1015": 16}
TRANSFERS_OF_OTHERS = 8

# Seconds from power-on, or from a change of the world, until the chip can know; 2 s for all others.
SETTLES = {
    "ds3231": 65.0,  # converts every 64 s
    "sgp30": 20.0,  # answers 400 and 0 for 15 s
}

# How much slower than its datasheet's longest time a chip is made; 1.1 for all others.
SLOWER = {"ads1115": 1.0, "ads1015": 1.0}  # these datasheets name typical times: their fake is a slow chip already

# A value that is computed from others, or from a coarse word, may be this many steps off.
STEPS: dict[tuple[str, str], float] = {}

# A logarithmic word: the share of the value that one digit makes.
RELATIVE = {("bme680", "gas_resistance"): 0.001}

# Where the chip cannot show the ends of the range all at once, or the sweep must be shorter: (low, high).
RANGES: dict[tuple[str, str], tuple[float, float]] = {}

# Drivers that find the right range by trying: the second reading after a large change is the truth.
FINDS_ITS_RANGE: set[str] = set()

# Chips that go on showing an old value when they stop to convert, without any sign of it.
SHOWS_NO_STANDSTILL: dict[str, str] = {}
