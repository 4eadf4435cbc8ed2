"""MCP3008: volts, and what shows that a chip is there."""

import pytest

from drivers import open_chip
from drivers.chips.mcp3008 import volts
from drivers.errors import BeyondRange, ChecksumError, NoAcknowledge
from drivers.fakes import fake_chip


def test_the_code_is_1024ths_of_vref():
    assert volts(512, 3.3) == pytest.approx(1.65)
    assert volts(0, 3.3) == 0.0


@pytest.mark.parametrize("level", [0.0, 0.01, 1.0, 2.5, 3.29])
def test_reports_what_its_fake_feels(pins, level):
    fake, chip = fake_chip("mcp3008"), open_chip("mcp3008", channel=0)
    fake.feel(a0=level)
    assert chip.read() == {"a0": pytest.approx(level, abs=3.3 / 1024)}


def test_reads_all_eight_channels_by_default(pins):
    fake = fake_chip("mcp3008")
    values = open_chip("mcp3008").read()
    assert values == {name: pytest.approx(volt, abs=0.004) for name, volt in fake.world.items()}


def test_scales_with_vref(pins):
    fake_chip("mcp3008", options={"vref": 5.0}, a3=4.0)
    assert open_chip("mcp3008", channels=[3], vref=5.0).read()["a3"] == pytest.approx(4.0, abs=0.005)


@pytest.mark.parametrize("kind", ["unplugged", "stuck"])
@pytest.mark.parametrize("channels", [[0], [0, 1], None])
def test_raises_where_nobody_answers_and_works_again(pins, kind, channels):
    fake, chip = fake_chip("mcp3008"), open_chip("mcp3008", channels=channels)
    good = chip.read()
    fake.suffer(kind)
    with pytest.raises(NoAcknowledge):
        chip.read()
    fake.heal()
    assert chip.read() == good


def test_volts_are_told_where_another_input_shows_that_the_chip_is_there(pins):
    fake_chip("mcp3008", a0=0.0)
    assert open_chip("mcp3008", channel=0).read() == {"a0": 0.0}


def test_volts_at_every_input_are_told_where_the_line_shows_that_the_chip_drives_it(pins):
    fake = fake_chip("mcp3008", **{f"a{n}": 0.0 for n in range(8)})
    chip = open_chip("mcp3008", channel=0)
    with pytest.raises(NoAcknowledge, match="MISO"):
        chip.read()
    fake.adc.rests = 1
    assert chip.read() == {"a0": 0.0}


def test_an_input_at_vref_is_beyond_the_scale_and_the_others_are_told(pins):
    fake_chip("mcp3008", a1=3.3)
    chip = open_chip("mcp3008", channels=[0, 1])
    assert chip.read().keys() == {"a0"}
    assert chip.missing["a1"].at_least == pytest.approx(3.3, abs=0.004)


def test_every_input_at_vref_is_beyond_the_scale(pins):
    fake_chip("mcp3008", **{f"a{n}": 3.3 for n in range(8)})
    with pytest.raises(BeyondRange):
        open_chip("mcp3008").read()


def test_a_wrong_bit_is_outvoted(pins, mocker):
    fake_chip("mcp3008")
    chip = open_chip("mcp3008", channel=0)
    chip.read()
    answers = [b"\0\x02\x00", b"\0\x02\x80", b"\0\x02\x00"]
    mocker.patch.object(chip.spi, "transfer", side_effect=answers)
    assert chip.read()["a0"] == pytest.approx(1.65)


def test_an_input_that_moves_within_the_noise_is_told_and_one_that_jumps_is_not(pins, mocker):
    fake_chip("mcp3008")
    chip = open_chip("mcp3008", channels=[0, 1])
    chip.read()
    quiet = [bytes([0, 2, n]) for n in (0, 1, 2, 0)]
    wild = [bytes([0, 2, 40 * n]) for n in range(6)]
    mocker.patch.object(chip.spi, "transfer", side_effect=[*quiet, *wild])
    assert chip.read() == {"a0": pytest.approx(1.65, abs=0.004)}
    assert isinstance(chip.missing["a1"], ChecksumError)


def test_two_sensors_share_one_chip(pins):
    fake_chip("mcp3008", options={"channel": 0}, a0=1.0)
    fake_chip("mcp3008", options={"channel": 1}, a1=2.0)
    first, second = open_chip("mcp3008", channel=0), open_chip("mcp3008", channel=1)
    assert first.read()["a0"] == pytest.approx(1.0, abs=0.004)
    assert second.read()["a1"] == pytest.approx(2.0, abs=0.004)
    first.close()
    assert second.read()["a1"] == pytest.approx(2.0, abs=0.004)


@pytest.mark.parametrize(
    "options", [{"channel": 8}, {"channels": []}, {"vref": 0}, {"port": 7}, {"channel": 1, "channels": [2]}]
)
def test_refuses_a_wrong_option_when_it_is_made(options):
    with pytest.raises(ValueError, match=r"channel|vref|port"):
        open_chip("mcp3008", **options)


def test_a_line_that_floats_between_the_ends_is_told_by_its_null_bit(pins, mocker):
    fake_chip("mcp3008")
    chip = open_chip("mcp3008", channel=0)
    chip.read()
    mocker.patch.object(chip.spi, "transfer", return_value=b"\xff\xfd\x5a")
    with pytest.raises(NoAcknowledge, match="no chip drives"):
        chip.read()
