"""Fake CCS811, from ams' datasheet: boots into its loader; its application must be started and told to measure."""

from __future__ import annotations

from .chip import FakeChip, Nack, clamp

STATUS, MODE, RESULT, RAW, ENVIRONMENT, BASELINE, HARDWARE = 0x00, 0x01, 0x02, 0x03, 0x05, 0x11, 0x20
VERSION, BOOT_VERSION, APP_VERSION, ERROR, START, RESET = 0x21, 0x23, 0x24, 0xE0, 0xF4, 0xFF
APPLICATION, VALID, READY, FAILED = 0x80, 0x10, 0x08, 0x01  # bits of the status
PERIODS = {1: 1.0, 2: 10.0, 3: 60.0, 4: 0.25}  # seconds, by bits 6:4 of the mode; 0: idle
BAD_WRITE, BAD_READ = 0x01, 0x02  # bits of the error
# Its clock is specified to 2 %.
SLOW = 1.02


class FakeCcs811(FakeChip):
    """Feels the CO2 equivalent in ppm and volatile compounds in ppb; both are clean air until the first result."""

    name = "ccs811"
    addresses = (0x5A, 0x5B)
    senses = {"eco2": 620.0, "tvoc": 85.0}

    def power_on(self) -> None:
        self.mailbox, self.mode, self.error = STATUS, 0, 0
        self.running = self.ready = False
        self.next_at = 0.0
        self.values = b"\x01\x90\x00\x00"
        self.busy_for(0.020)

    def on_write(self, data: bytes) -> None:
        if self.busy:
            raise Nack
        self.mailbox = data[0]
        if data == b"\xff\x11\xe5\x72\x8a":
            self.power_on()
            self.busy_for(0.002)
        elif data == bytes([START]) and not self.running:
            self.running = True
            self.busy_for(0.001)
        elif len(data) > 1:
            self.take(data)

    def take(self, data: bytes) -> None:
        """Take data written to a mailbox."""
        if self.running and data[0] == MODE:
            self.mode, self.ready = data[1] & 0x7C, False
            self.next_at = self.clock() + SLOW * PERIODS.get(self.mode >> 4, 0.0)
        elif not (self.running and data[0] in (ENVIRONMENT, BASELINE)):
            self.error |= BAD_WRITE

    def turn(self) -> None:
        """Finish the measurements that are due."""
        period = SLOW * PERIODS.get(self.mode >> 4, 0.0)
        if period and self.clock() >= self.next_at - 1e-9:
            self.ready = True
            while self.next_at <= self.clock() + 1e-9:
                self.next_at += period
            # That mode gives raw data only.
            if self.mode >> 4 != 4:
                eco2, tvoc = clamp(self.world["eco2"], 400, 29206), clamp(self.world["tvoc"], 0, 32768)
                self.values = eco2.to_bytes(2, "big") + tvoc.to_bytes(2, "big")

    @property
    def status(self) -> int:
        """The status register."""
        running = APPLICATION if self.running else 0
        return running | VALID | (READY if self.ready else 0) | (FAILED if self.error else 0)

    def on_read(self, length: int) -> bytes:
        if self.busy:
            raise Nack
        self.turn()
        raw = b"\x09\xa3"
        always = {STATUS: bytes([self.status]), HARDWARE: b"\x81", VERSION: b"\x12", BOOT_VERSION: b"\x10\x00",
                  APP_VERSION: b"\x20\x00", ERROR: bytes([self.error])}  # fmt: skip
        measured = {MODE: bytes([self.mode]), RESULT: self.values + bytes([self.status, self.error]) + raw,
                    RAW: raw, BASELINE: b"\x37\xbb"}  # fmt: skip
        answer = {**always, **(measured if self.running else {})}.get(self.mailbox)
        if answer is None:
            self.error |= BAD_READ
            answer = bytes(length)
        if self.mailbox == ERROR:
            self.error = 0
        elif self.mailbox in (RESULT, RAW):
            self.ready = False
        return answer.ljust(length, b"\x00")[:length]
