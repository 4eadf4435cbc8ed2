"""Fake DS18B20 behind w1_therm, from Maxim's data sheet 19-7487 and Documentation/w1/slaves/w1_therm.rst."""

from __future__ import annotations

from .sysfs import FakeSysfs
from .tree import Files

W1 = "sys/bus/w1/devices"


class FakeDs18b20(FakeSysfs):
    """A DS18B20. `power_loss`: says 85 °C; `parasite`: had no power to convert; `shorted`: all zero; `empty`."""

    name = "ds18b20"
    senses = {"temperature": 20.0}
    kinds = (*FakeSysfs.kinds, "corrupt", "power_loss", "parasite", "shorted", "empty")

    def place(self) -> str:
        self.tree.folder(W1)
        if self.device is None:
            self.device = f"28-{len([*(self.tree.root / W1).iterdir()]) + 1:012x}"
        return f"{W1}/{self.device}"

    def files(self) -> Files:
        raw = round(self.world["temperature"] * 16)
        frame = bytearray((raw & 0xFFFF).to_bytes(2, "little") + b"\x4b\x46\x7f\xff" + bytes([16 - (raw & 15), 16]))
        if self.fault == "power_loss":
            frame[0:2], frame[6] = b"\x50\x05", 0x0C
        elif self.fault == "parasite":
            frame[0:2], frame[6] = b"\xff\x07", 0x0C
        elif self.fault == "shorted":
            frame = bytearray(8)
        crc = maxim_crc(frame)
        if self.fault == "corrupt":
            frame[1] ^= 0x04
        fits = maxim_crc(frame) == crc
        bytes_ = (frame + bytes([crc])).hex(" ")
        shown = int.from_bytes(frame[:2], "little", signed=True) * 1000 // 16
        text = f"{bytes_} : crc={maxim_crc(frame):02x} {'YES' if fits else 'NO'}\n{bytes_} t={shown}\n"
        return {"w1_slave": "" if self.fault == "empty" else text}


def maxim_crc(data: bytes | bytearray) -> int:
    """Return Maxim's CRC-8, bit by bit: polynomial x⁸ + x⁵ + x⁴ + 1, least significant bit first."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc
