"""What the laws for drivers must know about single chips: each exception by name, with its reason."""

from __future__ import annotations

# The share of accepted readings that may be untrue where one bit in a hundred arrives wrong; none for all others.
UNTRUE_AT_ONE_PERCENT: dict[str, float] = {
    # two reads of the axes agree in the same wrong bit
    "adxl345": 0.02,
    # of three measurements, each of which can be read once, two are wrong in low bits
    "hdc1080": 0.04,
    # two conversions of four inputs agree in the same wrong bit
    "pcf8591": 0.01,
    # likewise two reads of a word
    "veml7700": 0.02,
}

# Lines at one constant byte that look like a chip, by law: driver -> byte -> why.
CONSTANT_LINES: dict[str, dict[int, str]] = {}

# Answers of which the second half is lost, at one level, that look whole: driver -> level -> why.
HALF_FRAMES: dict[str, dict[int, str]] = {
    "veml6075": {0x00: "the upper byte of all that is known in it is 0, and so is that of its counts in the shade"},
}

# Transfers of one reading once the chip is set up.
TRANSFERS = {
    "bme280": 4,
    "aht20": 2,
    "sht4x": 2,
    "ads1115": 16,
    "ads1015": 16,
    # These two ask for a new result until it comes.
    "ccs811": 9,
    "scd4x": 14,
    "vl53l0x": 12,
}
TRANSFERS_OF_OTHERS = 8

# Seconds from power-on, or from a change of the world, until the chip can know; 2 s for all others.
SETTLES = {
    # Converts every 64 s.
    "ds3231": 65.0,
    # Answers 400 and 0 for 15 s.
    "sgp30": 20.0,
}

# How much slower than its datasheet's longest time a chip is made; 1.1 for all others.
SLOWER = {"ads1115": 1.0, "ads1015": 1.0}  # these datasheets name typical times: their fake is a slow chip already

# Chips that measure on and on: they may be read while they are at work.
ALWAYS_AT_WORK = {"adxl345", "ina219", "ina226", "ina260", "lis3dh", "mpu6050", "tsl2591", "veml7700"}

# Chips that are asked once, right after it, whether they took their command: its register may be read meanwhile.
SHOW_THEIR_COMMAND = {"adt7410", "aht10", "bme280", "bme680", "bmp280", "ds3231", "tmp102"}

# A value that is computed from others, or from a coarse word, may be this many steps off.
STEPS = {
    ("bh1750", "illuminance"): 2.3,  # in bright light it measures for a shorter time, in coarser digits
    ("tsl2591", "illuminance"): 2.0,  # computed from two channels, each rounded
}

# Where the digits grow with the value: the share of it that one digit makes.
RELATIVE = {
    ("bme680", "gas_resistance"): 0.001,  # ten bits and a range
    ("ltr390", "illuminance"): 1e-4,  # bright light is measured with less gain, in coarser digits
    ("ltr559", "illuminance"): 4e-4,  # likewise
    ("max44009", "illuminance"): 1 / 256,  # eight bits and an exponent
    ("opt3001", "illuminance"): 1 / 4000,  # twelve bits and a range
    ("tsl2561", "illuminance"): 2e-3,  # likewise, and computed from two channels
    ("veml7700", "illuminance"): 1e-4,  # the correction of bright light stretches the digits
}

# Drivers that find the right range by trying: the second reading after a large change is the truth.
FINDS_ITS_RANGE: set[str] = set()

# What a chip cannot reveal, by law: there it may tell a wrong value, but must not crash, and must recover.
BLIND: dict[str, dict[str, str]] = {
    "standstill": {
        "bh1750": "shows the value before, and 0 at first, which is darkness",
        "lm75": "shows the value before, and 0 °C at first",
        "tmp1075": "shows the value before, and 0 °C at first",
        "max44009": "shows the value before, without any flag",
        "tsl2561": "shows the value before, and 0 at first, without any flag",
        "veml6075": "shows the values before, and 0 at first, without any flag",
        "veml7700": "shows the value before, and 0 at first, without any flag",
    },
    "dead line": {},
    "stranger": {"pcf8591": "nothing can be read but conversions"},
    "blip": {"pcf8591": "a blip between the control byte and the answer mixes the inputs up"},
}

# Chips that are read rightly by another one's driver: (driver, chip).
ALIKE = {
    ("ads1115", "ads1015"): "the same registers with fewer bits: right, but coarser",
    ("lm75", "tmp1075"): "the same registers with more bits",
    ("htu21d", "sht2x"): "the same commands and formulas",
    ("si7021", "sht2x"): "the same commands and formulas",
    ("sht3x", "hdc302x"): "the same commands and formulas",
    **{
        (f"mcp342{one}", f"mcp342{other}"): "the same protocol with more or fewer inputs: nothing tells how many"
        for one in "x124"
        for other in "x124"
    },
}

DRY_AND_FOG = "0 and 100 % stand for dry air and for fog, so that no word is left for an element that fails"
BEYOND = "its values go beyond their scale, and do not fail one by one"
# Chips of several quantities of which none fails alone, and why.
IN_ONE_PIECE = {
    "sht3x": DRY_AND_FOG,
    "shtc3": DRY_AND_FOG,
    "am2320": DRY_AND_FOG,
    "hdc1080": DRY_AND_FOG,
    "hdc302x": DRY_AND_FOG,
    "ccs811": "both numbers come of one signal",
    "sps30": "all come of one laser",
    "ens160": "all come of one signal",
    "sgp30": "both numbers come of one signal",
    "ads1015": BEYOND,
    "ads1115": BEYOND,
    "adxl345": BEYOND,
    "ina219": BEYOND,
    "ina226": BEYOND,
    "ina228": BEYOND,
    "ina260": BEYOND,
    "ina3221": BEYOND,
    "lis3dh": BEYOND,
    "ltr390": BEYOND,
    "max17048": "all come of one estimate, begun by one reset",
    "mcp3422": BEYOND,
    "mcp3424": BEYOND,
    "mpu6050": BEYOND,
    "mpu6500": BEYOND,
    "pcf8591": BEYOND,
    "veml6075": BEYOND,
}

AXES = ("acceleration_x", "acceleration_y", "acceleration_z")
INPUTS = ("a0", "a1", "a2", "a3")
SHUNT = {"shunt_voltage", "current", "power"}
BUS = {"bus_voltage", "power"}

# Codes that are no value, by the datasheets: register, its bytes, and the quantities that are lost with it.
END_CODES: dict[str, list[tuple[int, bytes, set[str]]]] = {
    "bme280": [
        *(
            (0xFA, bytes.fromhex(code), {"temperature", "pressure", "humidity"})
            for code in ("800000", "000000", "fffff0")
        ),
        *((0xF7, bytes.fromhex(code), {"pressure"}) for code in ("800000", "000000", "fffff0")),
        *((0xFD, bytes.fromhex(code), {"humidity"}) for code in ("8000", "0000", "ffff")),
    ],
    "bmp280": [
        *((0xFA, bytes.fromhex(code), {"temperature", "pressure"}) for code in ("800000", "000000", "fffff0")),
        *((0xF7, bytes.fromhex(code), {"pressure"}) for code in ("800000", "000000", "fffff0")),
    ],
    "bmp388": [
        *((0x07, bytes.fromhex(code), {"temperature", "pressure"}) for code in ("000080", "000000", "ffffff")),
        *((0x04, bytes.fromhex(code), {"pressure"}) for code in ("000080", "000000", "ffffff")),
    ],
    "bmp390": [
        *((0x07, bytes.fromhex(code), {"temperature", "pressure"}) for code in ("000080", "000000", "ffffff")),
        *((0x04, bytes.fromhex(code), {"pressure"}) for code in ("000080", "000000", "ffffff")),
    ],
    "bmp180": [
        (0xF6, b"\x80\x00\x00", {"temperature", "pressure"}),
        (0xF6, b"\x00\x00\x00", {"temperature", "pressure"}),
        (0xF6, b"\xff\xff\xff", {"temperature", "pressure"}),
    ],
    "bme680": [
        *(
            (0x22, bytes.fromhex(code), {"temperature", "pressure", "humidity", "gas_resistance"})
            for code in ("800000", "000000", "fffff0")
        ),
        *((0x1F, bytes.fromhex(code), {"pressure"}) for code in ("800000", "000000", "fffff0")),
        *((0x25, bytes.fromhex(code), {"humidity"}) for code in ("8000", "0000", "ffff")),
    ],
    "dps310": [
        *(
            (0x03, bytes.fromhex(code), {"temperature", "pressure"})
            for code in ("800000", "000000", "7fffff", "ffffff")
        ),
        *((0x00, bytes.fromhex(code), {"pressure"}) for code in ("800000", "000000", "7fffff", "ffffff")),
    ],
    "ms5611": [(0x00, code, {"temperature", "pressure"}) for code in (b"\x00\x00\x00", b"\xff\xff\xff")],
    "hdc1080": [
        (0x00, b"\x00\x00", {"temperature", "humidity"}),
        (0x00, b"\xff\xfc", {"temperature"}),
        (0x00, b"\xff\xff\xff\xff", {"temperature", "humidity"}),
    ],
    "bmp581": [
        *((0x1D, bytes.fromhex(code), {"temperature", "pressure"}) for code in ("7f7f7f", "ffff7f", "000080")),
        *((0x20, bytes.fromhex(code), {"pressure"}) for code in ("7f7f7f", "000000", "ffffff")),
    ],
    "lps22hb": [
        *((0x28, bytes.fromhex(code), {"pressure"}) for code in ("000000", "ffffff", "ffff7f", "000080")),
        *((0x2B, bytes.fromhex(code), {"temperature", "pressure"}) for code in ("ff7f", "0080")),
    ],
    "hts221": [
        (at, bytes.fromhex(code), {name})
        for at, name in ((0x28, "humidity"), (0x2A, "temperature"))
        for code in ("ff7f", "0080")
    ],
    "tmp117": [(0x00, b"\x80\x00", {"temperature"}), (0x00, b"\x7f\xff", {"temperature"})],
    "tmp102": [(0x00, b"\x7f\xf0", {"temperature"}), (0x00, b"\x80\x00", {"temperature"})],
    "lm75": [(0x00, b"\x7f\x80", {"temperature"}), (0x00, b"\x80\x00", {"temperature"})],
    "mcp9808": [(0x05, b"\x0f\xff", {"temperature"}), (0x05, b"\x10\x00", {"temperature"})],
    "tmp1075": [(0x00, b"\x7f\xf0", {"temperature"}), (0x00, b"\x80\x00", {"temperature"})],
    "adt7410": [(0x00, b"\x7f\xff", {"temperature"}), (0x00, b"\x80\x00", {"temperature"})],
    "ds3231": [(0x11, b"\x7f\xc0", {"temperature"}), (0x11, b"\x80\x00", {"temperature"})],
    "ccs811": [
        (0x02, b"\x72\x16", {"eco2"}),
        (0x02, b"\xff\xff", {"eco2"}),
        (0x02, b"\x00\x00", {"eco2", "tvoc"}),
        (0x04, b"\x80\x00", {"tvoc"}),
    ],
    "ens160": [
        *((0x21, code, {"aqi", "tvoc"}) for code in (b"\x00", b"\x07")),
        *((0x22, code, {"tvoc"}) for code in (b"\xe8\xfd", b"\xff\xff")),
        *((0x24, code, {"eco2"}) for code in (b"\x00\x00", b"\xe8\xfd", b"\xff\xff")),
    ],
    "ads1115": [(0x00, code, set(INPUTS)) for code in (b"\x7f\xff", b"\x80\x00")],
    "ads1015": [(0x00, code, set(INPUTS)) for code in (b"\x7f\xf0", b"\x80\x00")],
    # No registers: the law of worlds beyond the scale, and their tests, show what their end codes are worth.
    **{name: [] for name in ("mcp342x", "mcp3421", "mcp3422", "mcp3424")},
    # No registers: the law of worlds beyond the scale, and its tests, show what its end code is worth.
    "pcf8591": [],
    "ina219": [
        (0x01, b"\x7d\x00", SHUNT),
        (0x01, b"\x7f\xff", SHUNT),
        (0x01, b"\x83\x00", SHUNT),
        (0x01, b"\x80\x00", SHUNT),
        (0x02, b"\xfa\x02", BUS),
        (0x02, b"\xff\xfa", BUS),
    ],
    "ina226": [
        (0x01, b"\x7f\xff", SHUNT),
        (0x01, b"\x80\x00", SHUNT),
        (0x02, b"\x7f\xff", BUS),
        (0x02, b"\x70\x80", BUS),
    ],
    "ina228": [
        *((0x04, code, SHUNT) for code in (b"\x7f\xff\xf0", b"\x80\x00\x00")),
        *((0x05, code, BUS) for code in (b"\x7f\xff\xf0", b"\x6a\x40\x00", b"\x80\x00\x00")),
        *((0x06, code, {"temperature"}) for code in (b"\x7f\xff", b"\x80\x00")),
    ],
    "ina260": [
        *((0x01, code, {"current", "power"}) for code in (b"\x7f\xff", b"\x80\x00", b"\x2e\xe0")),
        (0x02, b"\x7f\xff", BUS),
        (0x02, b"\x70\x80", BUS),
    ],
    "ina3221": [
        *((2 * n - 1, code, {f"current_{n}"}) for n in (1, 2, 3) for code in (b"\x7f\xf8", b"\x80\x00")),
        *((2 * n, code, {f"bus_voltage_{n}"}) for n in (1, 2, 3) for code in (b"\x7f\xf8", b"\x65\x90")),
    ],
    "max17048": [
        *((0x02, code, {"voltage", "charge", "charge_rate"}) for code in (b"\x00\x00", b"\xff\xff")),
        (0x04, b"\xff\xff", {"charge"}),
        (0x16, b"\x7f\xff", {"charge_rate"}),
        (0x16, b"\x80\x00", {"charge_rate"}),
    ],
    # No registers: its tests show what a whole frame of an end code is worth.
    "aht10": [],
    # No registers: its tests show what a saturated result is worth.
    "bh1750": [],
    "veml6075": [
        (0x07, b"\xff\xff", {"uva", "uv_index"}),
        (0x09, b"\xff\xff", {"uvb", "uv_index"}),
        *((at, b"\xff\xff", {"uva", "uvb", "uv_index"}) for at in (0x0A, 0x0B)),
    ],
    "veml7700": [(0x04, b"\xff\xff", {"illuminance"})],
    "ltr390": [
        (at, bytes.fromhex(code), {name})
        for at, name in ((0x0D, "illuminance"), (0x10, "uv_index"))
        for code in ("ffff03",)
    ],
    "ltr559": [
        *((at, b"\xff\xff", {"illuminance"}) for at in (0x88, 0x8A)),
        *((0x8D, code, {"proximity"}) for code in (b"\xff\x07", b"\x20\x81")),
    ],
    "max44009": [(0x03, code, {"illuminance"}) for code in (b"\xff", b"\xf0")],
    "opt3001": [(0x00, code, {"illuminance"}) for code in (b"\xbf\xff", b"\xff\xff", b"\xc0\x00")],
    "tsl2561": [
        (0x0C, b"\x39\x91", {"illuminance"}),
        (0x0E, b"\x39\x91", {"illuminance"}),
        (0x0C, b"\xff\xff\xff\xff", {"illuminance"}),
    ],
    "tsl2591": [
        (0x14, b"\xff\x8f", {"illuminance"}),
        (0x16, b"\xff\x8f", {"illuminance"}),
        (0x14, b"\xff\xff\xff\xff", {"illuminance"}),
    ],
    "mpu6050": [
        *((0x3B + 2 * n, code, {axis}) for n, axis in enumerate(AXES) for code in (b"\x7f\xff", b"\x80\x00")),
        *(
            (0x43 + 2 * n, code, {f"rotation_{axis}"})
            for n, axis in enumerate("xyz")
            for code in (b"\x7f\xff", b"\x80\x00")
        ),
        *((0x41, code, {"temperature"}) for code in (b"\x7f\xff", b"\x80\x00")),
    ],
    "lis3dh": [(0x28 + 2 * n, code, {axis}) for n, axis in enumerate(AXES) for code in (b"\xf0\x7f", b"\x00\x80")],
    "adxl345": [(0x32 + 2 * n, code, {axis}) for n, axis in enumerate(AXES) for code in (b"\xff\x01", b"\x00\xfe")],
    # Its registers have addresses of two bytes: its tests show what its status is worth.
    "vl53l1x": [],
    "vl53l0x": [(0x1E, code, {"distance"}) for code in (b"\x1f\xfe", b"\x1f\xff", b"\xff\xff")],
}
END_CODES["mpu6500"] = END_CODES["mpu6050"]
