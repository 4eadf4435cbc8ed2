"""Fake MH-Z19B, from Winsen's data sheet V1.0: answers nine bytes to nine bytes."""

from __future__ import annotations

from .chip import clamp
from .uart import FakeUart

# Seconds after power-on during which the word in bytes 6 and 7 is 15000.
STARTING = 3.0


class FakeMhz19(FakeUart):
    """Feels co2 in ppm; must be asked."""

    name = "mhz19"
    senses = {"co2": 640.0}

    def power_on(self) -> None:
        self.starting_until = self.powered_at + STARTING

    def on_bytes(self, data: bytes) -> None:
        for at in range(0, len(data), 9):
            request = data[at : at + 9]
            if len(request) == 9 and request[0] == 0xFF and not sum(request[1:]) & 0xFF and request[2] == 0x86:
                self.send(self.frame())

    def frame(self) -> bytes:
        starting = self.present() < self.starting_until
        ppm = 410 if starting else clamp(self.world["co2"], 0, int(self.options.get("range", 5000)))
        body = b"\x86" + ppm.to_bytes(2, "big") + b"\x40\x00" + (15000 if starting else 0).to_bytes(2, "big")
        return b"\xff" + body + bytes([-sum(body) & 0xFF])
