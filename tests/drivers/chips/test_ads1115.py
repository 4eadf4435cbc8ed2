"""ADS1115 and ADS1015: vectors, and what they must refuse."""

import pytest
from scripted import ScriptedBus, on
from scripted import ScriptedBus as MemoryOfBytes

from drivers.chips.ads1115 import Ads1015, Ads1115, volts
from drivers.errors import BeyondRange, ChecksumError, InvalidReading, LostPower, NotReady, WrongChip


def bus(conversion: object, **more: int) -> ScriptedBus:
    wire = ScriptedBus({b"\x00": conversion}, keeps=2, **more)
    wire.bank |= {1: b"\x85\x83", 2: b"\x80\x00", 3: b"\x7f\xff"}
    return wire


@pytest.mark.parametrize(("code", "expected"), [(0x14D5, 0.99994), (-1600, -0.3), (0, 0.0)])
def test_volts(code: int, expected: float) -> None:
    assert volts(code, 6.144) == pytest.approx(expected, abs=1e-5)


class TestAnAds1115:
    def test_tells_volts_of_each_input(self) -> None:
        values = on(bus(b"\xf9\xc0"), Ads1115, inputs=[0, 3]).read()
        assert values == {"a0": pytest.approx(-0.3), "a3": pytest.approx(-0.3)}

    def test_waits_longer_than_a_slow_oscillator(self) -> None:
        chip = on(bus(b"\x14\xd5"), Ads1115, inputs=[0], data_rate=8)
        chip.read()
        assert chip.waited[-1] >= 1.1 / 8

    @pytest.mark.parametrize("end", [b"\x7f\xff", b"\x80\x00"])
    def test_refuses_what_is_beyond_full_scale(self, end: bytes) -> None:
        with pytest.raises(InvalidReading, match="full_scale"):
            on(bus(end), Ads1115).read()

    def test_an_input_beyond_full_scale_does_not_cost_the_others(self) -> None:
        chip = on(bus([b"\x7f\xff", b"\x7f\xff", b"\x14\xd5"]), Ads1115, inputs=[0, 3])
        assert chip.read() == {"a3": pytest.approx(1.0, abs=1e-4)}
        assert isinstance(chip.missing["a0"], BeyondRange)
        assert chip.missing["a0"].at_least == 6.144

    def test_refuses_a_result_that_changes_between_two_reads(self) -> None:
        with pytest.raises(ChecksumError):
            on(bus([b"\x14\xd5", b"\x14\xd4"]), Ads1115).read()

    def test_sees_that_power_was_lost_and_works_again(self) -> None:
        wire = bus(b"\x14\xd5")
        chip = on(wire, Ads1115, inputs=[0])
        chip.read()
        wire.answers[b"\x01"] = b"\x85\x83"
        with pytest.raises(LostPower):
            chip.read()
        del wire.answers[b"\x01"]
        assert chip.read() == {"a0": pytest.approx(1.0, abs=1e-4)}

    def test_converts_again_what_may_be_the_result_of_the_input_before(self) -> None:
        wire = bus([b"\x14\xd5", b"\x14\xd5", b"\x14\xd5", b"\x14\xd5", b"\x0a\x00"])
        values = on(wire, Ads1115, inputs=[0, 1]).read()
        assert values == pytest.approx({"a0": volts(0x14D5, 6.144), "a1": volts(0x0A00, 6.144)})

    def test_believes_two_inputs_that_are_alike(self) -> None:
        wire = bus(b"\x14\xd5")
        chip = on(wire, Ads1115, inputs=[0, 1])
        assert len(set(chip.read().values())) == 1
        assert chip.waited[-3:] == [chip.converting_takes] * 3

    def test_gives_up_a_conversion_that_never_ends(self) -> None:
        wire = bus(b"\x14\xd5")
        chip = on(wire, Ads1115)
        chip.setup()
        wire.answers[b"\x01"] = b"\x41\x83"  # as written, but busy
        with pytest.raises(NotReady):
            chip.read()
        assert len(chip.waited) < 10

    @pytest.mark.parametrize("byte", [0xFF, 0x00])
    def test_is_not_found_on_a_dead_line(self, byte: int) -> None:
        with pytest.raises(WrongChip):
            on(ScriptedBus(otherwise=byte), Ads1115).read()

    def test_is_not_an_ads1015(self) -> None:
        wire = bus(b"\x14\xd0")
        wire.answers[b"\x02"] = b"\x2a\xa0"
        with pytest.raises(WrongChip, match='often sold as ADS1115: write driver = "ads1015"'):
            on(wire, Ads1115).identify()
        on(wire, Ads1015).identify()

    def test_is_no_memory_of_bytes(self) -> None:
        wire = MemoryOfBytes(width=1)
        with pytest.raises(WrongChip):
            on(wire, Ads1115).read()
        assert not any(wire.memory)

    def test_is_no_tmp117_that_keeps_everything(self) -> None:
        wire = bus(b"\x0c\x80")
        wire.answers[b"\x0f"] = b"\x01\x17"
        before = dict(wire.bank)
        with pytest.raises(WrongChip):
            on(wire, Ads1115).read()
        assert wire.bank == before | {1: b"\x05\x83"}  # the bit that begins a conversion is not written


class TestAnAds1015:
    def test_refuses_sixteen_bits(self) -> None:
        with pytest.raises(InvalidReading, match="ADS1115"):
            on(bus(b"\x14\xd5"), Ads1015).read()

    def test_refuses_what_is_beyond_full_scale(self) -> None:
        with pytest.raises(InvalidReading, match="full_scale"):
            on(bus(b"\x7f\xf0"), Ads1015).read()


@pytest.mark.parametrize(
    "options", [{"inputs": []}, {"inputs": [4]}, {"inputs": 3}, {"full_scale": 5}, {"data_rate": 7}]
)
def test_wrong_options_are_named(options: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        Ads1115(None, **options)  # type: ignore[arg-type]
