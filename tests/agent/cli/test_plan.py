"""The plan: numbers that one can check by hand."""

import json

import pytest

from agent import config
from agent.cli import main, sizing
from agent.cli.fleet_sizing import fleet
from agent.cli.reconnecting import most_connects
from drivers.chip import Quantity

TWO = """
[agent]
device_id = "d"
[[sensor]]
id = "air"
driver = "sht4x"
every = "1s"
timeout = "100ms"
[[sensor]]
id = "light"
driver = "bh1750"
every = "1m"
"""


def rounds(text: str) -> tuple[config.Config, list[sizing.Round]]:
    read, mistakes = config.parse(text)
    assert read is not None, mistakes
    return read, [sizing.plan_round(read, every) for every in sorted({one.every for one in read.sensors})]


def a_round(interval: float = 1.0, size: int = 1024) -> sizing.Round:
    return sizing.Round(interval, ("air",), 2, size, size + 30, 0.5)


def test_each_interval_is_a_round():
    fast, slow = rounds(TWO)[1]
    assert (fast.interval, fast.sensors, fast.readings) == (1.0, ("air",), 2)
    assert (slow.interval, slow.sensors, slow.readings) == (60.0, ("light",), 1)


def test_the_wire_carries_topic_and_protocol_besides_the_batch():
    fast, _ = rounds(TWO)[1]
    assert fast.wire_bytes == fast.batch_bytes + len("limpet/d/batch") + 3 + 2 + 2 + 1 + 4


def test_a_round_fits_when_all_attempts_do():
    assert rounds(TWO)[1][0].worst_time == pytest.approx(3 * 0.1 + 0.1 + 0.2)
    assert rounds(TWO)[1][0].fits
    assert not rounds(TWO.replace("100ms", "300ms"))[1][0].fits


def test_an_outage_lasts_until_the_outbox_is_full_or_too_old():
    assert sizing.hours(config.OutboxConfig(max_size=3600 * 1024 * 5), [a_round()]) == 5.0
    assert sizing.hours(config.OutboxConfig(max_size=10**12, max_age=7200.0), [a_round()]) == 2.0
    assert sizing.hours(config.OutboxConfig(), []) is None


@pytest.mark.parametrize(
    ("durability", "online", "outage"), [("outage", 0.0, 0.56e9), ("always", 3.16e9, 3.16e9), ("memory", 0.0, 0.0)]
)
def test_the_card_is_written_as_was_measured_at_one_batch_of_1_kib_a_second(durability, online, outage):
    day = sizing.card(durability, [a_round()])
    assert day["online"] == pytest.approx(online, rel=0.03)
    assert day["outage"] == pytest.approx(outage, rel=0.03)


@pytest.mark.parametrize(
    ("quantity", "value"),
    [
        (Quantity("temperature", low=-40.0, high=125.0, step=0.01), 61.976),
        (Quantity("state", low=0, high=1, step=1e-9), 0.618034),
        (Quantity("count"), 2360.68),
    ],
)
def test_values_have_as_many_digits_as_real_ones(quantity, value):
    assert sizing.typical(quantity) == value


class TestTheCommand:
    @pytest.fixture
    def limpet(self, tmp_path, capsys):
        def run(text, *words):
            (tmp_path / "x.toml").write_text(text)
            code = main.main(["plan", "-c", str(tmp_path / "x.toml"), *words])
            return code, capsys.readouterr().out

        return run

    def test_prints_for_people(self, limpet):
        code, out = limpet(TWO.replace("100ms", "300ms"))
        assert code == 0
        assert "does not fit into its interval" in out
        assert "0 B a day while the broker answers" in out

    def test_speaks_json(self, limpet):
        code, out = limpet(TWO, "--json")
        document = json.loads(out)
        assert code == 0
        assert [one["interval"] for one in document["rounds"]] == [1.0, 60.0]
        assert document["batchesPerDay"] == 86400 + 1440
        assert document["cardBytesPerDay"]["online"] == 0
        assert set(document["rounds"][0]) == {
            "interval", "sensors", "readings", "batchBytes", "wireBytes", "worstTime", "limitedBy", "fits"
        }  # fmt: skip
        assert document["rounds"][0]["sensors"] == ["air"]
        assert "_" not in "".join([*document, *document["outbox"]])

    def test_of_nothing_says_so(self, limpet):
        assert limpet("") == (0, "nothing to plan: there is no sensor\n")


class TestWhatLimits:
    def test_a_round_is_its_slowest_sensor_or_its_bus(self):
        fast, slow = rounds(TWO)[1]
        assert (fast.limited_by, slow.limited_by) == ("air", "light")
        many = "".join(f'[[sensor]]\nid = "s{n}"\ndriver = "ds18b20"\ndevice = "28-{n:012x}"\n' for n in range(40))
        (crowd,) = rounds(many)[1]
        assert crowd.limited_by.startswith("w1")

    def test_a_bus_is_the_sensor_that_holds_it_most(self):
        settings, planned = rounds(TWO)
        (bus,) = sizing.planned(settings, planned)["buses"]
        assert bus["limited_by"] == "air"

    def test_an_outage_is_the_outbox_or_its_age(self):
        assert sizing.outage_limit(config.OutboxConfig(max_size=1024 * 10), [a_round()]) == "max_size"
        assert sizing.outage_limit(config.OutboxConfig(max_age=60.0), [a_round()]) == "max_age"
        assert sizing.outage_limit(config.OutboxConfig(), []) is None

    def test_history_is_the_backfill_rate(self):
        outbox = config.OutboxConfig(max_size=3600 * 1024 * 40, backfill_rate=10.0)
        assert sizing.catching_up(outbox, [a_round()]) == 4.0

    def test_is_named_to_people(self, tmp_path, capsys):
        file = tmp_path / "two.toml"
        file.write_text(TWO)
        assert main.main(["plan", "-c", str(file)]) == 0
        out = capsys.readouterr().out
        for words in ("LIMITED BY", "most of it air", "limited by outbox.max_", "limited by outbox.backfill_rate"):
            assert words in out

    def test_a_serial_port_that_cannot_be_read_in_time_is_named_with_its_sum(self, tmp_path, capsys):
        file = tmp_path / "dust.toml"
        file.write_text('[[sensor]]\nid = "dust"\ndriver = "sds011"\nport = "/dev/serial0"\nevery = "1s"\n')
        assert main.main(["plan", "-c", str(file)]) == 0
        assert "/dev/serial0: 1 sensor holds it for 1.5 s, cannot be read" in capsys.readouterr().out


THRIFTY = """
[[sensor]]
id = "air"
driver = "bme280"
every = "10s"
sample = "1s"
derive = ["dew_point"]
deadband = { temperature = 0.5, pressure = 1, humidity = 2, dew_point = 1 }
heartbeat = "10m"
[[sensor]]
id = "wall"
driver = "sht4x"
every = "10s"
[[sensor]]
id = "room"
driver = "vote"
every = "10s"
options = { of = ["air", "wall"] }
"""


class TestThrift:
    def plan(self, text=THRIFTY):
        return sizing.planned(*rounds(text))

    def test_has_a_day_with_a_deadband_and_one_without(self):
        plan = self.plan()
        assert plan["wire_bytes_per_day_at_rest"] < 0.8 * plan["wire_bytes_per_day"]
        assert plan["wire_bytes_per_day"] < 0.3 * plan["wire_bytes_per_day_sample_by_sample"]

    def test_has_the_heartbeat_of_each_sensor_in_whole_rounds(self):
        def at_rest(first, second):
            text = (
                '[[sensor]]\nid = "{}"\ndriver = "tmp117"\naddress = {}\nheartbeat = "{}"\ndeadband.temperature = 1\n'
            )
            both = text.format("air", 0x48, first) + text.format("wall", 0x49, second)
            return self.plan(both)["wire_bytes_per_day_at_rest"]

        seldom, often = at_rest("10d", "10d"), at_rest("20s", "20s")
        assert at_rest("20s", "10d") == pytest.approx((seldom + often) / 2, rel=0.01)
        # A value is due 25 s after it was sent, and there is a round every 10 s.
        assert at_rest("25s", "25s") == at_rest("30s", "30s")

    def test_is_none_without_deadband_and_window(self):
        plan = self.plan('[[sensor]]\nid = "air"\ndriver = "bme280"\n')
        assert (
            plan["wire_bytes_per_day_at_rest"]
            == plan["wire_bytes_per_day"]
            == plan["wire_bytes_per_day_sample_by_sample"]
        )

    def test_counts_what_is_derived_and_what_is_voted_on(self):
        # Three and a dew point, two, and the two that both of them measure.
        assert self.plan()["rounds"][0]["readings"] == 8

    def test_of_votes_alone_has_a_round(self):
        plan = self.plan(THRIFTY.replace('driver = "vote"\nevery = "10s"', 'driver = "vote"\nevery = "60s"'))
        assert plan["rounds"][1]["fits"]

    def test_is_printed(self, tmp_path, capsys):
        (tmp_path / "x.toml").write_text(THRIFTY)
        assert main.main(["plan", "-c", str(tmp_path / "x.toml")]) == 0
        out = capsys.readouterr().out
        assert "a day while nothing moves out of its deadband" in out
        assert "a day if each sample were sent" in out


class TestAFleet:
    def test_needs_what_one_device_needs_as_many_times(self):
        settings, planned = rounds(TWO)
        one, many = (fleet(settings, planned, count) for count in (1, 1000))
        assert many["broker"]["batches_per_second"] == round(1000 * (1 + 1 / 60), 1)
        assert many["database"]["bytes_per_day"] == pytest.approx(1000 * one["database"]["bytes_per_day"], rel=1e-6)
        assert many["database"]["rows_per_second"] == round(1000 * (1 + 2 + 2 / 60), 1)
        assert many["database"]["ledger_bytes_per_year"] == 1000 * 52 * 470

    def test_comes_back_over_the_time_that_the_breaker_gives_it(self):
        settings, planned = rounds(TWO)
        broker = fleet(settings, planned, 10_000)["broker"]
        assert (broker["connects_per_second_after_an_outage"], broker["seconds_until_all_are_back"]) == (193, 90)

    # What deploy/fleet/storm.py measured with 10,000 publishers, as its page says.
    @pytest.mark.parametrize(("longest", "measured"), [(60.0, 188), (120.0, 138)])
    def test_agrees_with_the_storm_of_real_publishers(self, longest, measured):
        assert measured <= most_connects(10_000, 5.0, longest, 2.0) <= 1.05 * measured

    @pytest.mark.parametrize("first", [0.1, 5.0, 300.0])
    @pytest.mark.parametrize("multiplier", [1.0, 1.5, 10.0])
    def test_never_expects_more_than_there_are(self, first, multiplier):
        assert 1 <= most_connects(10, first, 60.0, multiplier) <= 10
        assert most_connects(1000, first, 60.0, multiplier) <= 1000

    def test_is_planned_beside_the_device(self, tmp_path, capsys):
        file = tmp_path / "limpet.toml"
        file.write_text(TWO)
        assert main.main(["plan", "-c", str(file), "--fleet", "1000", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["fleet"]["workers"] == 1
        assert main.main(["plan", "-c", str(file), "--fleet", "10000"]) == 0
        assert "10,000 such devices" in capsys.readouterr().out
