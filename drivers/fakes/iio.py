"""Fake IIO and hwmon devices, a DHT among them: the files that the kernel's interface documents promise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from .sysfs import FakeSysfs
from .tree import Files

PLACE = re.compile(r"\d+-[0-9a-f]{4}")
COUNTED = ("proximity", "intensity")  # without a scale
NUMBERED = re.compile(r"(?:iio:device|hwmon)?(\d+)")


class FakeDht(FakeSysfs):
    """A DHT22 behind the kernel's dht11 driver. `corrupt`: a wrong sum, which is EIO; `shorted`: a frame of zeros."""

    name = "dht"
    senses = {"temperature": 20.5, "humidity": 48.0}
    kinds = (*FakeSysfs.kinds, "corrupt", "shorted")

    def suffer(self, kind: str) -> None:
        super().suffer("eio" if kind == "corrupt" else kind)

    def place(self) -> str:
        self.link, number = self.tree.numbered("sys/bus/iio/devices/iio:device")
        self.device = self.device or f"dht11@{number}"
        return f"sys/devices/platform/{self.device}/iio:device{number}"

    def files(self) -> Files:
        felt = {"temperature": 0.0, "humidity": 0.0} if self.fault == "shorted" else self.world
        return {
            "name": f"{self.device}\n",
            "in_temp_input": f"{round(felt['temperature'] * 10) * 100}\n",
            "in_humidityrelative_input": f"{round(felt['humidity'] * 10) * 100}\n",
        }


class FakeIio(FakeSysfs):
    """An IIO device: a BME280's channels, or those of `options.channel`. Voltages are raw counts with one scale.

    `device` is the chip's name, bus and address such as `1-0076`, or its number.
    """

    name = "iio"
    units: ClassVar[dict[str, tuple[str, float, float]]] = {  # quantity, kernel's units in one of ours, value
        "temp": ("temperature", 1000, 21.0), "humidityrelative": ("humidity", 1000, 45.0),
        "pressure": ("pressure", 0.1, 1013.0), "illuminance": ("illuminance", 1, 300.0),
        "resistance": ("gas_resistance", 1, 50000.0), "concentration_co2": ("co2", 1e-4, 600.0),
        "concentration_voc": ("tvoc", 1e-7, 120.0), "voltage0": ("a0", 1000, 0.5), "voltage1": ("a1", 1000, 1.0),
        "voltage0-voltage1": ("a0_a1", 1000, -0.5), "massconcentration_pm1": ("pm1", 1, 6.2),
        "massconcentration_pm2p5": ("pm2_5", 1, 8.4), "massconcentration_pm4": ("pm4", 1, 9.9),
        "massconcentration_pm10": ("pm10", 1, 10.7), "uvindex": ("uv_index", 1, 5.3), "energy": ("energy", 1, 360.0),
        "proximity": ("proximity", 1, 1800.0), "intensity_uva": ("uva", 1, 740.0), "intensity_uvb": ("uvb", 1, 910.0),
        "voltage2": ("a2", 1000, 1.5), "voltage3": ("a3", 1000, 2.0), "current": ("current", 1000, 0.2),
        "power": ("power", 1000, 1.0), "distance": ("distance", 1e-3, 700.0),
        "accel_x": ("acceleration_x", 1, 0.0), "accel_y": ("acceleration_y", 1, 0.0),
        "accel_z": ("acceleration_z", 1, 9.81), "anglvel_x": ("rotation_x", 1, 0.0),
        "anglvel_y": ("rotation_y", 1, 0.0), "anglvel_z": ("rotation_z", 1, 0.0),
    }  # fmt: skip
    usual: ClassVar[tuple[str, ...]] = ("temp", "humidityrelative", "pressure")
    prefix: ClassVar[str] = "in_"
    parent: ClassVar[str] = "sys/bus/iio/devices/iio:device"
    inside: ClassVar[str] = ""  # what stands between the device on its bus and its node
    model: ClassVar[str] = "bme280"
    scale: ClassVar[float] = 0.125  # mV per count

    def __init__(self, *, options: Mapping[str, Any] | None = None, **more: Any) -> None:
        wanted = (options or {}).get("channel") or self.usual
        wanted = (wanted,) if isinstance(wanted, str) else wanted
        self.channels = [name.removeprefix(self.prefix).removesuffix("_input") for name in wanted]
        self.senses = {self.units[name][0]: self.units[name][2] for name in self.channels}
        super().__init__(options=options, **more)

    def place(self) -> str:
        self.link, number = self.tree.numbered(self.parent)
        self.device = self.device or self.model
        is_place, numbered = PLACE.fullmatch(str(self.device)), NUMBERED.fullmatch(str(self.device))
        if numbered:
            number = int(numbered[1])
            self.link = f"{self.parent}{number}"
        at = self.device if is_place else f"1-{0x60 + number:04x}"
        self.chip = self.model if is_place or numbered else self.device
        return f"sys/devices/platform/i2c-{at.partition('-')[0]}/{at}/{self.inside}{Path(self.link).name}"

    def files(self) -> Files:
        files = {"name": f"{self.chip}\n"}
        for name in self.channels:
            quantity, units, _ = self.units[name]
            value = self.world[quantity] * units
            if self.prefix and name.startswith("voltage"):
                files[f"in_{name}_raw"] = f"{round(value / self.scale)}\n"
                files[f"in_{re.sub('[0-9]', '', name)}_scale"] = f"{self.scale}\n"
            elif self.prefix and name.startswith(COUNTED):
                files[f"in_{name}_raw"] = f"{round(value)}\n"
            else:
                files[f"{self.prefix}{name}_input"] = f"{value:.9f}\n" if self.prefix else f"{round(value)}\n"
        return files


class FakeHwmon(FakeIio):
    """A hwmon device: a DS3231's temperature, or the channels of `options.channel`."""

    name = "hwmon"
    units = {
        "temp1": ("temperature", 1000, 35.0), "in0": ("voltage", 1000, 5.0), "curr1": ("current", 1000, 0.5),
        "power1": ("power", 1e6, 2.5), "humidity1": ("humidity", 1000, 45.0), "fan1": ("frequency", 60, 25.0),
        "energy1": ("energy", 1e6, 7200.0),
    }  # fmt: skip
    usual = ("temp1",)
    prefix = ""
    parent = "sys/class/hwmon/hwmon"
    inside = "hwmon/"
    model = "ds3231"
