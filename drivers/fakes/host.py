"""Fake Raspberry Pi: the files that describe the machine (proc(5), sysfs-class-thermal, firmware's get_throttled)."""

from __future__ import annotations

from typing import Any

from .sysfs import FakeSysfs
from .tree import Files


class FakeHost(FakeSysfs):
    """A Raspberry Pi's own files; its disk is the true one."""

    name = "host"
    senses = {"temperature": 48.0, "load": 0.3, "memory": 40.0, "under_voltage": 0.0, "throttled": 0.0}
    kinds = ("eio", "hang", "frozen")

    @property
    def wiring(self) -> dict[str, Any]:
        return {"root": str(self.tree.root)}

    def files(self) -> Files:
        free = round(1_000_000 * (1 - self.world["memory"] / 100))
        flags = round(self.world["under_voltage"]) | round(self.world["throttled"]) << 2
        return {
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": f"{round(self.world['temperature'] * 1000)}\n",
            "sys/devices/platform/soc/soc:firmware/get_throttled": f"{flags:x}\n",
            "proc/loadavg": f"{self.world['load']:.2f} 0.20 0.10 1/200 4321\n",
            "proc/meminfo": f"MemTotal:  1000000 kB\nMemFree:  100 kB\nMemAvailable:  {free} kB\n",
        }
