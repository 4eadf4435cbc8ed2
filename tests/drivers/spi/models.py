"""Chips on SPI from their data sheets, apart from the fakes: frames as given, registers that keep what is written."""

from collections.abc import Callable

from gpiozero.pins.mock import MockSPIDevice

SELECTS = {(0, 0): (11, 10, 9, 8), (0, 1): (11, 10, 9, 7), (1, 0): (21, 20, 19, 18), (1, 2): (21, 20, 19, 16)}


class Frames(MockSPIDevice):
    """Sends a frame with each selection: `frames` one after the other, the last one for good."""

    def __init__(self, *frames: int, where: tuple[int, int] = (0, 0)) -> None:
        super().__init__(*SELECTS[where])
        self.select_pin.drive_high()
        self.frames = list(frames)

    def on_start(self) -> None:
        super().on_start()
        self.tx_word(self.frames.pop(0) if len(self.frames) > 1 else self.frames[0], 32)


class Registers(MockSPIDevice):
    """Registers behind an address, mode 1. `convert` is called when a one-shot bit is written, which is shown once.

    Attributes:
        log: (address, value) of each byte written.
        damage: changes a byte that is read: address, byte, how often it was read.
        lost: values to the first register that do not arrive, each once.
    """

    def __init__(self, power_on: bytes, one_shot: int, convert: Callable[[bytearray], None]) -> None:
        super().__init__(*SELECTS[0, 0], clock_phase=True)
        self.bank = bytearray(power_on)
        self.power_on, self.one_shot, self.convert = power_on, one_shot, convert
        self.log: list[tuple[int, int]] = []
        self.reads = 0
        self.lost: set[int] = set()
        self.damage: Callable[[int, int, int], int] = lambda at, byte, reads: byte

    def on_start(self) -> None:
        super().on_start()
        self.at: int | None = None
        self.reads += 1
        self.tx_word(0x5A, 8)

    def on_bit(self) -> None:
        if self.rx_bit % 8:
            return
        byte = int("".join(str(int(bit)) for bit in self.rx_buf[-8:]), 2)
        if self.at is None:
            self.writes, self.at = byte >= 0x80, byte & 0x7F
        else:
            if self.writes:
                self.write(self.at, byte)
            self.at = (self.at + 1) % len(self.bank)
        self.tx_word(0 if self.writes else self.damage(self.at, self.bank[self.at], self.reads) & 0xFF, 8)
        if not self.writes and self.at == 0:
            self.bank[0] &= ~self.one_shot

    def write(self, at: int, byte: int) -> None:
        if at == 0 and byte in self.lost:
            self.lost.remove(byte)
            return
        self.log.append((at, byte))
        self.bank[at] = byte & ~0x02 if at == 0 else byte
        if at == 0 and byte & self.one_shot:
            self.convert(self.bank)

    def lose_power(self) -> None:
        self.bank[:] = self.power_on
