"""How a sensor is wired to a Raspberry Pi and what has to be switched on, in a few lines for people."""

from __future__ import annotations

from typing import Any

I2C = (
    "VIN to 3.3 V (pin 1), GND to GND (pin 6), SDA to GPIO2 (pin 3), SCL to GPIO3 (pin 5).",
    "Switch I2C on: sudo raspi-config nonint do_i2c 0",
)
SPI = (
    "VCC to 3.3 V (pin 1), GND to GND (pin 6), SCLK to GPIO11 (pin 23), MOSI to GPIO10 (pin 19), MISO to GPIO9 (21),",
    "CS to GPIO8 (pin 24, select = 0) or GPIO7 (pin 26, select = 1). Switch SPI on: sudo raspi-config nonint do_spi 0",
)
UART = (
    "5 V to pin 2, GND to pin 6, the sensor's TX to GPIO15 (pin 10), its RX to GPIO14 (pin 8); 3.3 V levels only.",
    "Free it from the console: sudo raspi-config nonint do_serial_cons 1; sudo raspi-config nonint do_serial_hw 0",
)
SWITCH = ("One wire to the GPIO of your choice, the other to GND; the Pi's own resistor pulls the line up.",)
BY_BUS = {
    "i2c": I2C,
    "spi": SPI,
    "uart": UART,
    "gpio": SWITCH,
    "w1": (
        "Red to 3.3 V (pin 1), black to GND (pin 6), yellow to GPIO4 (pin 7), 4.7 kΩ between yellow and red.",
        "Switch 1-Wire on: sudo raspi-config nonint do_onewire 0, then reboot.",
    ),
    "dht": (
        "VCC to 3.3 V (pin 1), GND to GND (pin 6), DATA to GPIO4 (pin 7), 10 kΩ between DATA and VCC.",
        "The kernel reads it: add dtoverlay=dht11,gpiopin=4 to /boot/firmware/config.txt, then reboot.",
    ),
    "iio": ("Whatever the kernel has a driver for: its overlay goes into /boot/firmware/config.txt.",),
    "hwmon": ("Whatever the kernel has a driver for: its overlay goes into /boot/firmware/config.txt.",),
    "vote": ("Nothing to wire: it asks other sensors, which have tables of their own.",),
    "host": ("Nothing to wire: it is the Pi itself.",),
}
# Its fan needs 5 V; the lines of the bus have 3.3 V all the same.
WITH_A_FAN = (
    "VDD to 5 V (pin 2), GND to GND (pin 6), SDA to GPIO2 (pin 3), SCL to GPIO3 (pin 5), SEL to GND: it chooses I2C.",
    I2C[1],
)
BY_DRIVER = {
    "scd30": (*I2C, "It stretches the clock: add dtparam=i2c_arm_baudrate=50000 to /boot/firmware/config.txt, reboot."),
    "sps30": WITH_A_FAN,
    "sen5x": WITH_A_FAN,
    "motion": ("VCC to 5 V (pin 2), GND to GND (pin 6), OUT (3.3 V) to the GPIO of your choice.",),
    "distance": (
        "VCC to 5 V (pin 2), GND to GND (pin 6), TRIG to a GPIO, ECHO through a divider (1 kΩ, 2 kΩ) to another one:",
        "ECHO has 5 V, and a GPIO bears 3.3 V. A board for 3.3 V (HC-SR04P) needs no divider.",
    ),
    "pulse": ("An open collector or a reed contact between the GPIO of your choice and GND.",),
    **dict.fromkeys(("mcp3008", "mcp3208"), ("VREF to 3.3 V, AGND to GND; and:", *SPI)),
    **dict.fromkeys(("max31855", "max31856"), ("The thermocouple to T+ and T-, as its colours say; and:", *SPI)),
    "max31865": ("The RTD to F+, RTD+, RTD-, F-; with 2 or 3 wires, as the board's bridges say; and:", *SPI),
}


def hint(name: str, driver: Any) -> tuple[str, ...]:
    """Return the lines for a driver; a class attribute `wiring` of another package's driver wins."""
    own = getattr(driver, "wiring", ())
    lines = (own,) if isinstance(own, str) else tuple(own)
    return lines or BY_DRIVER.get(name) or BY_BUS.get(bus(driver), ())


def bus(driver: Any) -> str:
    """Return the kind of bus: i2c, spi, uart, gpio, w1, …"""
    return "i2c" if driver.addresses else str(getattr(driver, "bus_name", "") or driver.name).partition("-")[0]
