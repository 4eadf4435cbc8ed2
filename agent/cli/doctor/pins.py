"""Checks of the pins: a gpiochip, the right to use it, a backend of gpiozero that really works."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from drivers import catalog

from .buses import DESKTOP
from .checks import BROKEN, OK, SKIPPED, WARNING, Finding, Site
from .rights import device

# In a process of its own: a backend may change the folder, drop files, or crash.
PROBE = """
import json, os, tempfile
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    try:
        from drivers.bus.gpio import factory
        print(json.dumps([type(factory()).__name__, None]))
    except Exception as error:
        print(json.dumps([None, f"{type(error).__name__}: {error}"]))
"""
LGPIO = "sudo apt-get install python3-lgpio && sudo sh deploy/install.sh"


def gpio(site: Site) -> Iterator[Finding]:
    """The chip behind the header."""
    needed = wanted(site)
    if site.settings is not None and not needed:
        yield Finding("gpio", SKIPPED, "no sensor on a pin is configured")
        return
    found = sorted(site.path("/dev").glob("gpiochip*"))
    if not found:
        level = BROKEN if needed else WARNING
        yield Finding("gpio", level, "there is no /dev/gpiochip*: the kernel knows no pins here", DESKTOP)
        return
    yield device(site, "gpio", f"/dev/{found[0].name}", "gpio")


def backend(site: Site) -> Iterator[Finding]:
    """gpiozero with lgpio, tried."""
    needed = wanted(site)
    if not needed and (site.settings is not None or not any(site.path("/dev").glob("gpiochip*"))):
        return
    told = site.run([sys.executable, "-c", PROBE])
    name, error = json.loads(told.splitlines()[-1]) if told else (None, "it does not come back")
    if name:
        yield Finding("pin backend", OK, f"gpiozero works with {name}")
        return
    service_can = site.installed and site.uid != 0  # what this user may not, the service may
    level = BROKEN if needed and not service_can else WARNING
    cure = LGPIO if "lgpio" in error else "sudo limpet doctor" if service_can else "ls -l /dev/gpiochip*"
    yield Finding("pin backend", level, f"gpiozero does not work: {error}", cure)


def drivers(site: Site) -> set[str]:
    """Return the names of the configured drivers."""
    return {sensor.driver for sensor in site.settings.sensors} if site.settings is not None else set()


def wanted(site: Site) -> bool:
    """Tell whether a configured sensor sits on pins, or on SPI, which is read through the same backend."""
    return any(getattr(catalog.find(name), "bus_name", "") in ("gpio", "spi") for name in drivers(site))
