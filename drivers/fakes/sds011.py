"""Fake SDS011, from Nova Fitness' control protocol V1.3: ten bytes each second, commands of nineteen."""

from __future__ import annotations

from .chip import clamp
from .uart import FakeUart

# Seconds after power-on during which it sends zeros.
BLIND = 2.0
DEVICE = b"\xa1\x60"


class FakeSds011(FakeUart):
    """Feels masses in µg/m³; `lay_down()` lets it sleep."""

    name = "sds011"
    period = 1.0
    senses = {"pm2_5": 8.2, "pm10": 14.5}

    def power_on(self) -> None:
        self.blind_until = self.powered_at + BLIND

    def lay_down(self) -> None:
        """Sleep, as after the command."""
        self.asleep = True

    def on_bytes(self, data: bytes) -> None:
        for at in range(0, len(data) - 18, 19):
            request = data[at : at + 19]
            if request[:2] != b"\xaa\xb4" or sum(request[2:17]) & 0xFF != request[17] or request[18] != 0xAB:
                continue
            if request[2] == 0x06 and request[3]:
                was_asleep, self.asleep = self.asleep, not request[4]
                if was_asleep and not self.asleep:
                    self.lose_power()
            answer = request[2:6]
            self.send(b"\xaa\xc5" + answer + DEVICE + bytes([sum(answer + DEVICE) & 0xFF]) + b"\xab")

    def frame(self) -> bytes:
        is_blind = self.present() < self.blind_until
        tenths = [0 if is_blind else clamp(self.world[name] * 10, 0, 9999) for name in ("pm2_5", "pm10")]
        data = b"".join(one.to_bytes(2, "little") for one in tenths) + DEVICE
        return b"\xaa\xc0" + data + bytes([sum(data) & 0xFF]) + b"\xab"
