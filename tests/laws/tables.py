"""What the laws for drivers must know about single chips: each exception by name, with its reason."""

from __future__ import annotations

# A flipped bit in these chips' answers cannot always be told from a measurement; they must not crash, and must be right
# again with the next reading. All others have a checksum, or keep a result so that it can be read twice.
UNPROTECTED = {
    "ccs811": "no checksum, and its result is gone once it was read",
}

# The share of accepted readings that may be untrue where one bit in a hundred arrives wrong; none for all others.
UNTRUE_AT_ONE_PERCENT: dict[str, float] = {
    # two reads of the axes agree in the same wrong bit
    "adxl345": 0.02,
    # likewise two conversions of four inputs
    "pcf8591": 0.01,
    # likewise two reads of a word
    "veml7700": 0.02,
}

# Lines at one constant byte that look like a chip, by law: driver -> byte -> why.
CONSTANT_LINES: dict[str, dict[int, str]] = {}

# Transfers of one reading once the chip is set up.
TRANSFERS = {
    "bme280": 4,
    "aht20": 2,
    "sht4x": 2,
    "ads1115": 16,
    "ads1015": 16,
    "scd4x": 14,  # asks for new data until it comes, every 5 s
    "vl53l0x": 12,
}
TRANSFERS_OF_OTHERS = 8

# Seconds from power-on, or from a change of the world, until the chip can know; 2 s for all others.
SETTLES = {
    "ds3231": 65.0,  # converts every 64 s
    "sgp30": 20.0,  # answers 400 and 0 for 15 s
}

# How much slower than its datasheet's longest time a chip is made; 1.1 for all others.
SLOWER = {"ads1115": 1.0, "ads1015": 1.0}  # these datasheets name typical times: their fake is a slow chip already

# Chips that measure on and on: they may be read while they are at work.
ALWAYS_AT_WORK = {"adxl345", "ina219", "ina226", "lis3dh", "mpu6050", "tsl2591", "veml7700"}

# A value that is computed from others, or from a coarse word, may be this many steps off.
STEPS = {
    ("bh1750", "illuminance"): 2.3,  # in bright light it measures for a shorter time, in coarser digits
    ("tsl2591", "illuminance"): 2.0,  # computed from two channels, each rounded
}

# Where the digits grow with the value: the share of it that one digit makes.
RELATIVE = {
    ("bme680", "gas_resistance"): 0.001,  # ten bits and a range
    ("veml7700", "illuminance"): 1e-4,  # the correction of bright light stretches the digits
}

# Drivers that find the right range by trying: the second reading after a large change is the truth.
FINDS_ITS_RANGE: set[str] = set()

# What a chip cannot reveal, by law: there it may tell a wrong value, but must not crash, and must recover.
BLIND: dict[str, dict[str, str]] = {
    "standstill": {
        "bh1750": "shows the value before, and 0 at first, which is darkness",
        "lm75": "shows the value before, and 0 °C at first",
        "veml7700": "shows the value before, and 0 at first, without any flag",
    },
    "dead line": {},
    "stranger": {"pcf8591": "nothing can be read but conversions"},
    "blip": {"pcf8591": "a blip between the control byte and the answer mixes the inputs up"},
}

# Chips that are read rightly by another one's driver: (driver, chip).
ALIKE = {("ads1115", "ads1015"): "the same registers with fewer bits: right, but coarser"}

BEYOND = "its values go beyond their scale, and do not fail one by one"
# Chips of several quantities of which none fails alone, and why.
IN_ONE_PIECE = {
    "sht3x": "0 and 100 % stand for dry air and for fog, so that no word is left for an element that fails",
    "ccs811": "both numbers come of one signal",
    "sgp30": "both numbers come of one signal",
    "ads1015": BEYOND,
    "ads1115": BEYOND,
    "adxl345": BEYOND,
    "ina219": BEYOND,
    "ina226": BEYOND,
    "lis3dh": BEYOND,
    "max17048": "all come of one estimate, begun by one reset",
    "mpu6050": BEYOND,
    "pcf8591": BEYOND,
}
