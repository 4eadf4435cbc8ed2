"""Checks of SPI and of serial ports: there, open to us, and not the console's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.util import find_spec

from agent.config.bus_load import bus_of
from drivers.bus.serial import HEADER, MISSING, console, ports

from .checks import BROKEN, Finding, Site
from .rights import device

SPI_ON = "sudo raspi-config nonint do_spi 0 && sudo reboot"
SPI_1_ON = "echo dtoverlay=spi1-3cs | sudo tee -a /boot/firmware/config.txt && sudo reboot"
CONSOLE_OFF = "sudo raspi-config nonint do_serial_cons 1 && sudo reboot"
UART_ON = "sudo raspi-config nonint do_serial_hw 0 && sudo reboot"


def spi(site: Site) -> Iterator[Finding]:
    """The node of each configured chip select."""
    for bus in _buses(site):
        if bus.startswith("spi"):
            node = f"/dev/spidev{bus.removeprefix('spi')}"
            if site.path(node).exists():
                yield device(site, "spi", node, "spi")
            else:
                cure = SPI_1_ON if bus.startswith("spi1") else SPI_ON
                yield Finding("spi", BROKEN, f"there is no {node}: SPI is off", cure)


def serial(site: Site) -> Iterator[Finding]:
    """Each configured serial port: there, ours, and with nothing else on it."""
    configured = [bus for bus in _buses(site) if bus.startswith("/")]
    if configured and find_spec("serial") is None:
        yield Finding("serial", BROKEN, MISSING.partition(":")[0], "sudo sh deploy/install.sh")
    root = str(site.root)
    for port in configured:
        if not site.path(port).exists():
            yield _absent(site, port)
            continue
        yield device(site, "serial", port, "dialout")
        if owner := console(port, root):
            yield Finding("serial", BROKEN, f"{port}: {owner}", CONSOLE_OFF)


def _absent(site: Site, port: str) -> Finding:
    if port.removeprefix("/dev/") in HEADER:
        return Finding("serial", BROKEN, f"there is no {port}: the UART is off", UART_ON)
    if found := re.fullmatch(r"/dev/ttyAMA(\d+)", port):
        cure = f"echo dtoverlay=uart{found[1]} | sudo tee -a /boot/firmware/config.txt && sudo reboot"
        return Finding("serial", BROKEN, f"there is no {port}: this UART is off", cure)
    there = ", ".join(ports(str(site.root))) or "none"
    return Finding(
        "serial", BROKEN, f"there is no {port}; there: {there}", "plug the adapter in: `ls /dev/serial/by-id`"
    )


def _buses(site: Site) -> list[str]:
    """Return the names of the configured buses, each once."""
    sensors = site.settings.sensors if site.settings is not None else ()
    return list(dict.fromkeys(bus_of(sensor) for sensor in sensors))
