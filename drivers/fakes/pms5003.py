"""Fake PMS5003, from Plantower's manual V2.3: a frame of 32 bytes each second, the sum of all bytes at its end."""

from __future__ import annotations

from .chip import clamp
from .uart import FakeUart

# Seconds after power-on during which it sends zeros.
BLIND = 2.0
FINE, COUNTED = ("pm1", "pm2_5", "pm10"), ("0_3", "0_5", "1", "2_5", "5", "10")
SLEEP, WAKE, PASSIVE, ACTIVE, ASK = (
    bytes.fromhex(one)
    for one in ("424de400000173", "424de400010174", "424de100000170", "424de100010171", "424de200000171")
)


class FakePms5003(FakeUart):
    """Feels masses in µg/m³ and numbers in 1/cm³; `lay_down()` lets it sleep."""

    name = "pms5003"
    period = 1.0
    senses = {
        "pm1": 5.0, "pm2_5": 8.0, "pm10": 10.0,
        "number_0_3": 12.3, "number_0_5": 3.6, "number_1": 0.6,
        "number_2_5": 0.09, "number_5": 0.03, "number_10": 0.02,
    }  # fmt: skip

    def power_on(self) -> None:
        self.passive = False
        self.blind_until = self.powered_at + BLIND

    def lay_down(self) -> None:
        """Sleep, as after the command, and as long as anybody cares: it is warm no more."""
        self.asleep = True

    def on_bytes(self, data: bytes) -> None:
        for at in range(0, len(data), 7):
            request = data[at : at + 7]
            if request in (SLEEP, WAKE):
                was_asleep, self.asleep = self.asleep, request == SLEEP
                if was_asleep and not self.asleep:
                    self.lose_power()
            elif request in (PASSIVE, ACTIVE):
                self.passive = request == PASSIVE

    def frame(self) -> bytes:
        words = [0] * 13
        if self.present() >= self.blind_until:
            masses = [clamp(self.world[name], 0, 0xFFFF) for name in FINE]
            # As for metal and the like (CF = 1), then of the atmosphere: the same where the air is clean.
            words = [*(round(one * 1.2) & 0xFFFF for one in masses), *masses]
            words += [clamp(self.world[f"number_{name}"] * 100, 0, 0xFFFF) for name in COUNTED]
            words.append(0x9700)
        body = b"BM" + (28).to_bytes(2, "big") + b"".join(one.to_bytes(2, "big") for one in words)
        return body + sum(body).to_bytes(2, "big")
