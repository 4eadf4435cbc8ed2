"""Fake DS18B20, DS18S20 and MAX31850 behind w1_therm, each known by the family in its id.

Sources: Maxim data sheets 19-7487, "DS18S20" and 19-6725; Linux, Documentation/w1/slaves/w1_therm.rst and w1_therm.c.
"""

from __future__ import annotations

from .sysfs import FakeSysfs
from .tree import Files

W1 = "sys/bus/w1/devices"
MASTER = "sys/devices/w1_bus_master1"
POWERED_ON = {"10": b"\xaa\x00"}


class FakeDs18b20(FakeSysfs):
    """A DS18B20, or what `device` begins with: `10-…` a DS18S20, `3b-…` a MAX31850.

    `power_loss`: says 85 °C; `parasite`: had no power to convert; `shorted`: all zero; `empty`: the kernel read none.
    """

    name = "ds18b20"
    senses = {"temperature": 20.0}
    kinds = (*FakeSysfs.kinds, "corrupt", "power_loss", "parasite", "shorted", "empty")

    def place(self) -> str:
        self.tree.folder(W1)
        if self.device is None:
            self.device = f"28-{len([*(self.tree.root / W1).iterdir()]) + 1:012x}"
        self.link = f"{W1}/{self.device}"
        return f"{MASTER}/{self.device}"

    @property
    def family(self) -> str:
        """What the id begins with."""
        return str(self.device).partition("-")[0]

    def files(self) -> Files:
        frame = bytearray(scratchpad(self.family, self.world["temperature"]))
        if self.fault == "power_loss":
            frame[0:2], frame[6] = POWERED_ON.get(self.family, b"\x50\x05"), 0x0C
        elif self.fault == "parasite":
            frame[0:2], frame[6] = b"\xff\x07", 0x0C
        elif self.fault == "shorted":
            frame = bytearray(8)
        crc = maxim_crc(frame)
        if self.fault == "corrupt":
            frame[1] ^= 0x04
        fits = maxim_crc(frame) == crc
        bytes_ = (frame + bytes([crc])).hex(" ")
        shown = kernel_millidegrees(self.family, frame)
        text = f"{bytes_} : crc={maxim_crc(frame):02x} {'YES' if fits else 'NO'}\n{bytes_} t={shown}\n"
        return {"w1_slave": "" if self.fault == "empty" else text}


def scratchpad(family: str, celsius: float) -> bytes:
    """Return the eight bytes that a sensor shows after a conversion."""
    if family == "10":  # whole degrees in halves, and in byte 6 how many sixteenths remain
        whole = int((celsius + 0.25) // 1)
        remain = 16 - round((celsius + 0.25 - whole) * 16)
        return (2 * whole & 0xFFFF).to_bytes(2, "little") + b"\x4b\x46\xff\xff" + bytes([remain, 16])
    if family == "3b":  # quarter degrees above two bits, then the cold junction at 25 °C
        return ((round(celsius * 4) << 2) & 0xFFFF).to_bytes(2, "little") + b"\x90\x19\xf0\xff\xff\xff"
    raw = round(celsius * 16)
    return (raw & 0xFFFF).to_bytes(2, "little") + b"\x4b\x46\x7f\xff" + bytes([16 - (raw & 15), 16])


def kernel_millidegrees(family: str, frame: bytes | bytearray) -> int:
    """Return what w1_therm makes of a scratchpad, also of one that it misunderstands."""
    raw = int.from_bytes(frame[:2], "little", signed=True)
    if family == "10":
        return raw // 2 * 1000 - 250 + 1000 * (16 - frame[6]) // 16
    if frame[4] & 0x80:  # taken for a GX20MH01, whose two lowest bits stand in the configuration
        shifted = (raw << 2 | frame[4] & 3) & 0xFFFF
        return (shifted - (shifted >> 15 << 16)) * 1000 // 64
    return raw * 1000 // 16


def maxim_crc(data: bytes | bytearray) -> int:
    """Return Maxim's CRC-8, bit by bit: polynomial x⁸ + x⁵ + x⁴ + 1, least significant bit first."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc
