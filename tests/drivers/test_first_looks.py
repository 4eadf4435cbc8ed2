"""Opening a bus and looking at a chip for the first time: what the kernel is told, and how sure a refusal is."""

from types import SimpleNamespace

from drivers.bus import i2c
from drivers.chip import Driver
from drivers.errors import WrongChip


def test_the_adapter_is_told_its_timeout_in_hundredths_of_a_second(monkeypatch):
    told = []
    monkeypatch.setattr(i2c, "SMBus", lambda number: SimpleNamespace(fd=7))
    monkeypatch.setattr(i2c.fcntl, "ioctl", lambda *words: told.append(words))
    i2c.open_bus(1, timeout=0.05)
    assert told == [(7, i2c.I2C_TIMEOUT, 5)]


def test_one_flipped_bit_in_an_identity_is_no_wrong_chip():
    class Chip(Driver):
        name, looks = "x", 0

        def identify(self):
            self.looks += 1
            if self.looks == 1:
                raise WrongChip("x", 0x40, expected=1, found=3)

        def measure(self):
            return {}

    chip = Chip()
    assert chip.read() == {}
    assert chip.looks == 2
