"""`limpet chips`: every driver has a page that is true, under its name and those that people use."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from agent import config
from agent.cli import chip_page, main
from drivers import UnknownDriver, catalog, open_chip
from drivers.catalog import PEOPLE


def printed(capsys: Any, *words: str) -> tuple[int, str, str]:
    code = main.main(["chips", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


class TestThePageOfADriver:
    def test_shows_options_checks_wiring_and_a_block(self, capsys: Any) -> None:
        code, out, _ = printed(capsys, "bme280")
        assert code == 0
        assert "0x76 0x77" in out
        assert re.search(r"temperature +°C +-40\.\.85 +± 0\.5", out)
        assert "oversampling (default 1): 1, 2, 4, 8 or 16" in out
        assert "checked with every reading: identity, read twice" in out
        assert "GPIO2 (pin 3)" in out
        assert 'driver = "bme280"' in out

    def test_is_one_document_as_json(self, capsys: Any) -> None:
        code, out, _ = printed(capsys, "tsl2591", "--json")
        document = json.loads(out)
        assert (code, document["name"], document["bus"], document["addresses"]) == (0, "tsl2591", "i2c", [0x29])
        gain = next(one for one in document["options"] if one["name"] == "gain")
        assert (gain["default"], gain["needed"], gain["allowed"]) == (None, False, "1, 25, 428 or 9876")
        assert {"quantities", "checked", "wiring", "configuration"} <= document.keys()

    @pytest.mark.parametrize("name", catalog.names())
    def test_has_a_block_that_the_configuration_takes(self, name: str) -> None:
        _, mistakes = config.parse(chip_page.block(name, catalog.find(name)))
        assert not [str(one) for one in mistakes if not one.is_warning]

    @pytest.mark.parametrize("name", catalog.names())
    def test_tells_how_it_is_wired(self, name: str) -> None:
        assert chip_page.more(name, catalog.find(name))["wiring"]


class TestAName:
    @pytest.mark.parametrize(
        ("name", "driver"),
        [("pir", "motion"), ("HC-SR04", "distance"), ("dht22", "dht"), ("sht31", "sht3x"), ("SHT 45", "sht4x"),
         ("reed", "contact"), ("BME-280", "bme280"), ("scd41", "scd4x"), ("cpu", "host"), ("SHT85", "sht3x"),
         ("TMP75", "lm75"), ("GY-9250", "mpu6500"), ("PMS5003ST", "pms5003"), ("am2321", "am2320")],
    )  # fmt: skip
    def test_that_people_use_leads_to_the_driver(self, name: str, driver: str, capsys: Any) -> None:
        code, out, err = printed(capsys, name)
        assert (code, out.startswith(f"{driver}: ")) == (0, True)
        assert err == f"{name} is read by the driver {driver}\n"

    @pytest.mark.parametrize(("name", "meant"), [("bme28O", "bme280"), ("dth22", "dht"), ("hcsr4", "distance")])
    def test_that_is_nearly_right_gets_the_nearest_one(self, name: str, meant: str, capsys: Any) -> None:
        code, out, err = printed(capsys, name)
        assert (code, out) == (1, "")
        assert f"did you mean {meant}" in err

    def test_that_people_use_is_told_where_a_driver_is_opened(self) -> None:
        with pytest.raises(UnknownDriver, match="did you mean dht"):
            open_chip("dht22")

    def test_of_a_driver_means_that_driver(self) -> None:
        assert not PEOPLE.keys() & set(catalog.names())
