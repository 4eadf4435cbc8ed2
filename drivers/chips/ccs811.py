"""ams CCS811: equivalent CO₂ and volatile organic compounds on I2C. End of life; it stretches the clock.

Source: ams (ScioSense) "CCS811" datasheet, section "Register Overview". On a Pi Zero to 4 it needs a slow bus
(`dtparam=i2c_arm_baudrate=10000`) or the bit-banged adapter (`dtoverlay=i2c-gpio`).
"""

from __future__ import annotations

import struct

from .. import crc
from ..chip import I2cChip, Probe, Quantity, Reading, Waits, says
from ..errors import InvalidReading, LostPower, NotReady, WrongChip

STATUS, MODE, RESULT, IDENTITY, ERROR, START_APP = 0x00, 0x01, 0x02, 0x20, 0xE0, 0xF4
IDENTITY_IS = 0x81
APP_RUNS, APP_IS_VALID, READY, ALWAYS_ZERO, HAS_ERROR = 0x80, 0x10, 0x08, 0x06, 0x01
EVERY_SECOND = 0x10
POWER_UP_TAKES = 0.022  # 20 ms, and 10 %
STARTING_TAKES = 0.002  # 1 ms
POLLS, POLL = 6, 0.25  # up to 1.25 s: a result comes every second, 10 % slow
ERRORS = (
    "bad register written",
    "bad register read",
    "bad mode",
    "heater resistance",
    "heater current",
    "heater supply",
)


class Ccs811(I2cChip):
    """One CCS811, measuring every second. Its first 20 minutes after power-on are less exact (datasheet: run-in)."""

    name = "ccs811"
    addresses = (0x5A, 0x5B)
    probes = (Probe(bytes([IDENTITY]), 1, says(bytes([IDENTITY_IS]))),)
    takes = 1.6
    quantities = (
        Quantity("eco2", "ppm", "carbon_dioxide", 400.0, 29_206.0, 1.0),
        Quantity("tvoc", "ppb", "volatile_organic_compounds_parts", 0.0, 32_768.0, 1.0, needs="eco2"),
    )

    def identify(self) -> Waits:
        """Look at the hardware identity.

        Raises:
            WrongChip: something else answers.
        """
        yield POWER_UP_TAKES
        found = self._read(IDENTITY, 1)[0]
        if found != IDENTITY_IS:
            raise WrongChip(self.name, self.address, expected=IDENTITY_IS, found=found)

    def configure(self) -> Waits:
        """Start the application, unless it runs, and measure every second.

        Raises:
            NotReady: the application does not start.
        """
        status = self._read(STATUS, 1)[0]
        if not status & APP_RUNS:
            self.write(bytes([START_APP]))
            yield STARTING_TAKES
            status = self._read(STATUS, 1)[0]
        if not status & APP_RUNS:
            raise NotReady(f"{self.name}: the application does not start (status 0x{status:02x})")
        self.write(bytes([MODE, EVERY_SECOND]))

    def measure(self) -> Reading:
        """Return eco2 in ppm and tvoc in ppb; waits for a new result.

        Raises:
            LostPower: the chip is back in its boot loader. NotReady: no result came.
            InvalidReading: it reports an error. ChecksumError: two reads differ.
        """
        for _ in range(POLLS):
            status = self._checked(self._read(STATUS, 1)[0])
            if status & READY:
                break
            yield POLL
        else:
            if self._read(MODE, 1)[0] != EVERY_SECOND:
                raise LostPower(f"{self.name}: it does not measure any more")
            raise NotReady(f"{self.name}: no result within {(POLLS - 1) * POLL:g} s")
        eco2, tvoc, status, error = struct.unpack(">HHBB", self._read(RESULT, 8)[:6])
        self._checked(status, error)
        again = self._read(RESULT, 4)
        crc.agreed(struct.pack(">HH", eco2, tvoc), again)
        return {"eco2": float(eco2), "tvoc": float(tvoc)}

    def _checked(self, status: int, error: int | None = None) -> int:
        if status & HAS_ERROR:
            bits = self._read(ERROR, 1)[0] if error is None else error
            names = [name for bit, name in enumerate(ERRORS) if bits >> bit & 1]
            raise InvalidReading(f"{self.name}: error 0x{bits:02x} ({', '.join(names) or 'unknown'})")
        if not status & APP_RUNS:
            raise LostPower(f"{self.name}: it is back in its boot loader")
        if status & ALWAYS_ZERO:
            raise InvalidReading(f"{self.name}: impossible status 0x{status:02x}")
        return status

    def _read(self, register: int, length: int) -> bytes:
        return self.write_read(bytes([register]), length)
