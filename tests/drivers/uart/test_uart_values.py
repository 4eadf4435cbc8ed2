"""What the frames of sensors on a UART mean."""

import pytest

from drivers import open_chip
from drivers.errors import BeyondRange
from drivers.uart import pms5003

# As seen on a PMS5003T (PyPMS).
FRAME_OF_A_T = "424d001c 00170027 00290016 00230029 100804a9 0116000c 00d400e0 9a0004aa"


def told(name, text, **options):
    """Return the values of a frame, or what stands in their places."""
    chip = open_chip(name, port="/dev/serial0", **options)
    frame = bytes.fromhex(text)
    assert chip.is_intact(frame)
    values = chip.check(chip.told(frame))
    assert set(values) == {quantity.name for quantity in chip.quantities}
    return values


def test_a_pms7003_counts_particles_in_a_tenth_of_a_litre():
    assert told("pms5003", "424d001c000000080008000000080008 00d20046002d001e00000000970002c5") == pytest.approx(
        {"pm1": 0, "pm2_5": 8, "pm10": 8, "number_0_3": 2.1, "number_0_5": 0.7, "number_1": 0.45, "number_2_5": 0.3,
         "number_5": 0.0, "number_10": 0.0}
    )  # fmt: skip


def test_a_word_at_its_stop_is_beyond_the_scale():
    frame = b"\x42\x4d\x00\x1c" + b"\xff" * 6 + b"\xff\xff\x00\x08\xff\xff" + b"\xff\xff" * 6 + b"\x97\x00"
    values = told("pms5003", (frame + sum(frame).to_bytes(2, "big")).hex())
    assert values.pop("pm2_5") == 8.0
    assert all(isinstance(value, BeyondRange) for value in values.values())


def test_the_mass_is_that_of_the_atmosphere_not_of_a_factory():
    assert [told("pms5003", FRAME_OF_A_T)[name] for name in ("pm1", "pm2_5", "pm10")] == [22.0, 35.0, 41.0]


def test_a_pms5003t_has_air_in_the_places_of_two_counts():
    values = told(
        "pms5003", "424d001c 00170027 00290016 00230029 100804a9 0116000c 00d400e0 9a0004aa", model="pms5003t"
    )
    assert values["temperature"] == pytest.approx(21.2)
    assert values["humidity"] == pytest.approx(22.4)
    assert values["number_2_5"] == pytest.approx(0.12)
    assert "number_5" not in values


def test_a_pms3003_has_masses_alone_and_they_may_be_zero():
    assert told("pms5003", "424d0014000000000000000000000000000000000051 00f4") == {
        "pm1": 0.0,
        "pm2_5": 0.0,
        "pm10": 0.0,
    }


def test_a_pms5003st_has_air_as_well():
    words = [5, 8, 9, 4, 7, 8, 900, 250, 40, 6, 2, 1, 12, 0x10000 - 53, 481, 0, 0x9100]
    body = b"BM\x00\x24" + b"".join(word.to_bytes(2, "big") for word in words)
    values = told("pms5003", (body + sum(body).to_bytes(2, "big")).hex())
    assert values["temperature"] == pytest.approx(-5.3)
    assert values["humidity"] == pytest.approx(48.1)
    assert values["number_10"] == pytest.approx(0.01)


def test_below_zero_is_below_zero():
    assert pms5003.celsius(0xFFFF) == pytest.approx(-0.1)


def test_an_sds011_sends_tenths():
    assert told("sds011", "aac0d4043a0aa1601dab") == pytest.approx({"pm2_5": 123.6, "pm10": 261.8})


def test_an_sds011_at_its_stop_is_beyond_its_range():
    data = (120).to_bytes(2, "little") + (9999).to_bytes(2, "little") + b"\xa1\x60"
    values = told("sds011", (b"\xaa\xc0" + data + bytes([sum(data) & 0xFF]) + b"\xab").hex())
    assert values["pm2_5"] == pytest.approx(12.0)
    assert isinstance(values["pm10"], BeyondRange)


def test_an_mhz19_sends_the_data_sheets_example():
    assert told("mhz19", "ff86022000000000 58") == {"co2": 544.0}


@pytest.mark.parametrize("options", [{"range": 4000}, {"range": True}])
def test_an_mhz19_has_one_of_four_ranges(options):
    with pytest.raises(ValueError, match="range"):
        open_chip("mhz19", port="/dev/serial0", **options)


def test_the_commands_are_those_of_the_data_sheets():
    wake, active = open_chip("sds011", port="/dev/serial0").wake
    assert wake == bytes.fromhex("aab4060101000000000000000000 00ffff06ab".replace(" ", ""))
    assert active == bytes.fromhex("aab402010000000000000000000000ffff01ab")
    assert open_chip("pms5003", port="/dev/serial0").wake[0] == bytes.fromhex("424de400010174")
