"""MCP3421, MCP3422, MCP3424: the datasheet's codes, one conversion an input, and what it must refuse."""

from functools import partial

import pytest
from scripted import ScriptedBus, on

from drivers import catalog, open_chip
from drivers.chips.mcp342x import Mcp342x, Mcp3421, Mcp3422, Mcp3424, volts
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip


class Board(ScriptedBus):
    """Shows a result, then the configuration that was written; new until it was read.

    Args:
        results: of each input, as hexadecimal digits, or a list of them, played in turn.
        ready: whether conversions end. keeps_all: whether it keeps what is written.
    """

    def __init__(self, *results: object, ready: bool = True, keeps_all: bool = True) -> None:
        super().__init__()
        self.results, self.ready, self.keeps_all = list(results), ready, keeps_all
        self.configuration, self.is_new = 0x10, False

    def _take(self, data: bytes) -> None:
        super()._take(data)
        self.configuration = data[-1] & 0x7F if self.keeps_all else 0x10
        self.is_new = bool(data[-1] & 0x80) and self.ready

    def _read(self, length: int) -> bytes:
        if self.constant is not None:
            return bytes([self.constant]) * length
        result = self.results[(self.configuration >> 5 & 3) % len(self.results)]
        if isinstance(result, list):
            result = result.pop(0) if len(result) > 1 else result[0]
        shown = self.configuration | (0 if self.is_new else 0x80)
        self.is_new = False
        size = 3 if self.configuration >> 2 & 3 == 3 else 2
        return (bytes.fromhex(result)[:size] + bytes([shown]) * length)[:length]


@pytest.mark.parametrize(
    ("code", "bits", "expected"),
    [
        (0x1FFFF, 18, 2.048 - 15.625e-6),
        (1, 18, 15.625e-6),
        (-1, 18, -15.625e-6),
        (-0x20000, 18, -2.048),
        (1, 16, 62.5e-6),
        (1, 14, 250e-6),
        (-1, 12, -1e-3),
        (2047, 12, 2.047),
    ],
)
def test_volts_of_the_datasheets_tables(code, bits, expected):
    assert volts(code, 1, bits) == pytest.approx(expected)
    assert volts(code, 8, bits) == pytest.approx(expected / 8)


@pytest.mark.parametrize(
    ("options", "result", "written", "expected"),
    [
        ({}, "4000", 0x88, 1.024),
        ({}, "ffff", 0x88, -62.5e-6),
        ({"bits": 12}, "fc00", 0x80, -1.024),
        ({"bits": 14, "gain": 2}, "1000", 0x85, 0.512),
        ({"bits": 18, "gain": 8}, "ff0000", 0x8F, -0.128),
    ],
)
def test_tells_volts_of_one_conversion(options, result, written, expected):
    wire = Board(result)
    assert on(wire, Mcp3421, **options).read() == {"a0_a1": pytest.approx(expected)}
    assert wire.written[-1] == bytes([written])


def test_reads_the_inputs_that_a_chip_has():
    assert on(Board("1000", "e000"), Mcp3422).read() == {"a0_a1": 0.256, "a2_a3": -0.512}
    wire = Board("1000", "2000", "3000", "c000")
    assert on(wire, Mcp3424).read() == {"a0_a1": 0.256, "a2_a3": 0.512, "a4_a5": 0.768, "a6_a7": -1.024}
    assert wire.written[-4:] == [b"\x88", b"\xa8", b"\xc8", b"\xe8"]


def test_reads_the_first_input_alone_where_nothing_says_how_many_there_are():
    assert on(Board("1000", "2000"), Mcp342x).read() == {"a0_a1": 0.256}
    assert on(Board("1000", "2000"), Mcp342x, inputs=["a2_a3"]).read() == {"a2_a3": 0.512}


@pytest.mark.parametrize("name", ["mcp342x", "mcp3421", "mcp3422", "mcp3424"])
def test_is_known_by_each_name(name):
    assert open_chip(name, None).name == name
    assert catalog.known_as(name.upper()) == name


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Mcp3421, {"inputs": ["a2_a3"]}),
        (Mcp3424, {"inputs": []}),
        (Mcp3424, {"gain": 3}),
        (Mcp3424, {"bits": 17}),
    ],
)
def test_wrong_options_are_named(kind, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        kind(None, **options)


@pytest.mark.parametrize(("result", "words"), [("7fff", "2.04794 V or more"), ("8000", "-2.048 V or less")])
def test_an_input_beyond_the_scale_costs_no_other(result, words):
    chip = on(Board(result, "1000"), Mcp3422)
    assert chip.read() == {"a2_a3": 0.256}
    assert isinstance(chip.missing["a0_a1"], BeyondRange)
    assert words in str(chip.missing["a0_a1"])


def test_a_result_of_equal_bytes_is_believed_where_the_chip_keeps_what_is_written():
    assert on(Board("0808"), Mcp3421).read() == {"a0_a1": pytest.approx(0.1285)}


def test_a_line_that_is_stuck_is_no_result():
    wire = Board("1000")
    chip = on(wire, Mcp3421)
    chip.read()
    wire.constant = 0x08
    with pytest.raises(InvalidReading, match="stuck"):
        chip.read()


def test_says_that_it_lost_power():
    wire = Board("1000")
    chip = on(wire, Mcp3421)
    chip.read()
    wire.keeps_all = False
    with pytest.raises(LostPower):
        chip.read()


@pytest.mark.parametrize(
    ("board", "options", "error"),
    [
        (partial(Board, "1000", ready=False), {}, NotReady),
        (partial(Board, ["1000"] * 4 + ["1001", "1000"]), {}, ChecksumError),
        (partial(Board, "1000"), {"bits": 12}, InvalidReading),
        (partial(Board, "1000", keeps_all=False), {}, WrongChip),
        (ScriptedBus, {}, WrongChip),
        (partial(ScriptedBus, otherwise=0), {}, WrongChip),
    ],
)
def test_refuses_what_is_no_measurement(board, options, error):
    with pytest.raises(error):
        on(board(), Mcp3421, **options).read()
