"""One configuration for many machines: what stands for the machine's own name."""

from __future__ import annotations

import os

import pytest

from agent.config import machine, parse


@pytest.fixture
def on(tmp_path, monkeypatch):
    """Return a function that puts the machine's files in place, and its host name."""

    def put(tree: bytes = b"", cpuinfo: str = "", identity: str = "") -> None:
        for name, data in (("serial-number", tree), ("cpuinfo", cpuinfo.encode()), ("machine-id", identity.encode())):
            (tmp_path / name).write_bytes(data)
        monkeypatch.setattr(machine, "SERIALS", (tmp_path / "serial-number", tmp_path / "cpuinfo", tmp_path / "none"))
        monkeypatch.setattr(machine, "MACHINE_ID", tmp_path / "machine-id")
        monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "green house", "", "", "")))

    put()
    return put


def parsed(device_id: str, more: str = ""):
    return parse(f'[agent]\ndevice_id = "{device_id}"\n[mqtt]\n{more}\n[[sensor]]\nid = "air"\ndriver = "bme280"\n')


PI = b"10000000a1b2c3d4\x00"


@pytest.mark.parametrize(
    ("written", "meant"),
    [("{serial}", "10000000a1b2c3d4"), ("pi-{serial}-x", "pi-10000000a1b2c3d4-x"), ("{hostname}", "green-house"),
     ("{hostname}.{serial}", "green-house.10000000a1b2c3d4"), ("plain", "plain")],
)  # fmt: skip
def test_a_device_id_may_hold_what_names_the_machine(on, written, meant):
    on(tree=PI)
    config, _ = parsed(written)
    assert config.agent.device_id == meant


def test_so_may_user_name_and_client_id(on):
    on(tree=PI)
    config, _ = parsed("{serial}", 'username = "{serial}"\nclient_id = "x-{hostname}"')
    assert (config.mqtt.username, config.mqtt.client_id) == ("10000000a1b2c3d4", "x-green-house")


def test_an_older_kernel_says_the_number_among_its_processors(on):
    on(cpuinfo="processor : 0\nHardware : BCM2835\nSerial\t\t: 00000000deadbeef\n")
    assert machine.serial() == "00000000deadbeef"


@pytest.mark.parametrize("filler", [b"", b"0000000000000000\0", b"To Be Filled By O.E.M.\n", b"None"])
def test_what_a_maker_left_in_its_place_is_no_number(on, filler):
    on(tree=filler)
    assert machine.serial() is None


def test_without_a_number_the_machine_id_stands_in_with_a_warning(on):
    on(identity="4f6c7e3a9b\n")
    config, mistakes = parsed("{serial}")
    assert config.agent.device_id == "4f6c7e3a9b"
    assert [one.is_warning for one in mistakes if "serial" in one.what] == [True]


@pytest.mark.parametrize(
    ("written", "cure"),
    [("{serial}", "{hostname}"), ("{seriel}", "did you mean {serial}"), ("{Hostname}", "did you mean {hostname}"),
     ("{moon}", "leave the braces out"), ("{}", "leave the braces out")],
)  # fmt: skip
def test_what_a_machine_cannot_say_is_a_mistake_with_a_cure(on, written, cure):
    config, mistakes = parsed(written)
    assert config is None
    assert any(cure in one.fix for one in mistakes)
