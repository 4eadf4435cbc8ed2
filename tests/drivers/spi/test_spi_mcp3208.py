"""MCP3208: twelve bits where the MCP3008 has ten."""

import pytest
from gpiozero.pins.mock import MockSPIDevice

from drivers import open_chip


class Model(MockSPIDevice):
    """DS21298, figure 6-1: three bytes, 00000 1 S D2 | D1 D0 …; the code in the last twelve bits after a null bit."""

    def __init__(self, codes: list[int]) -> None:
        super().__init__(11, 10, 9, 8)
        self.codes = codes

    def on_bit(self) -> None:
        if self.rx_bit == 10:
            bits = [int(bit) for bit in self.rx_buf]
            assert bits[:7] == [0, 0, 0, 0, 0, 1, 1]
            channel = bits[7] << 2 | bits[8] << 1 | bits[9]
            self.tx_buf = [0]
            self.tx_word(self.codes[channel], 13)


def test_every_channel_is_asked_for_as_in_the_data_sheet(pins):
    codes = [0, 1, 2, 1023, 1024, 2048, 4000, 4094]
    Model(codes)
    told = open_chip("mcp3208").read()
    assert told == {f"a{number}": pytest.approx(3.3 * code / 4096) for number, code in enumerate(codes)}


def test_an_input_at_vref_is_beyond_the_scale(pins):
    Model([4095, 100, 0, 0, 0, 0, 0, 0])
    chip = open_chip("mcp3208", channels=[0, 1], vref=5.0)
    assert chip.read().keys() == {"a1"}
    assert chip.missing["a0"].at_least == pytest.approx(5.0, abs=0.002)
