"""The doctor: machines built of files and answers, each with one fault, and the command that cures it."""

import json
import os
import threading
import time
from dataclasses import replace

import pytest

from agent import config
from agent.cli import doctor, main
from agent.cli.doctor import buses, machine, network, pins, ports, service
from agent.cli.doctor.checks import BROKEN, OK, SKIPPED, WARNING, Finding, Site, examine

AIR = '[[sensor]]\nid = "air"\ndriver = "bme280"\n'
DOOR = '[[sensor]]\nid = "door"\ndriver = "contact"\npin = 17\n'
HOST = '[[sensor]]\nid = "host"\ndriver = "host"\n'


def parsed(text, tmp_path):
    read, mistakes = config.parse(text, tmp_path / "limpet.toml")
    assert read is not None, mistakes
    return read


@pytest.fixture
def site(tmp_path):
    """Return a function that makes a machine: files with their content, answers of commands, a configuration."""

    def make(files=(), answers=(), text=None, **more):
        for name, content in dict(files).items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        settings = None if text is None else parsed(text, tmp_path)
        told = dict(answers)
        more = {"can_use": lambda _: True, "environ": {"STATE_DIRECTORY": "/"}, "uid": 1000} | more
        return Site(settings, root=tmp_path, run=lambda words: told.get(words[0], told.get(" ".join(words))), **more)

    return make


def levels(findings):
    return [one.level for one in findings]


class TestI2c:
    def test_is_good_where_the_bus_is_there_and_open(self, site):
        assert levels(buses.i2c(site({"dev/i2c-1": ""}, text=AIR))) == [OK]

    def test_that_is_off_is_switched_on_by_one_command(self, site):
        (found,) = buses.i2c(site({"proc/device-tree/model": "Raspberry Pi 4 Model B\0"}, text=AIR))
        assert found.level == BROKEN
        assert "raspi-config nonint do_i2c 0" in found.cure

    def test_that_is_off_breaks_nothing_that_is_configured(self, site):
        assert levels(buses.i2c(site())) == [WARNING]
        assert levels(buses.i2c(site(text=HOST))) == [SKIPPED]

    def test_without_the_node_wants_the_module(self, site):
        (found,) = buses.i2c(site({"sys/bus/i2c/devices/i2c-1/name": "bcm2835"}, text=AIR))
        assert (found.level, found.cure) == (BROKEN, "sudo modprobe i2c-dev")

    def test_names_the_overlay_of_another_bus(self, site):
        (found,) = buses.i2c(site(text=AIR + "bus = 4\n"))
        assert "dtoverlay=i2c4" in found.cure

    def test_that_is_closed_to_this_user_names_the_group(self, site):
        (found,) = buses.i2c(site({"dev/i2c-1": ""}, text=AIR, can_use=lambda _: False))
        assert found.level == BROKEN
        assert "usermod -aG i2c" in found.cure

    def test_whose_address_the_kernel_owns_is_told_with_the_drivers_name(self, site, tmp_path):
        made = site({"sys/bus/i2c/devices/1-0076/name": "bme280"}, text=AIR)
        (tmp_path / "sys/bus/i2c/devices/1-0076/driver").symlink_to("/sys/bus/i2c/drivers/bmp280")
        (found,) = buses.owners(made)
        assert found.level == BROKEN
        assert "echo 1-0076 | sudo tee /sys/bus/i2c/drivers/bmp280/unbind" in found.cure

    @pytest.mark.parametrize(("driver", "hertz", "level"), [("bme280", 400_000, OK), ("bme280", 1_000_000, WARNING)])
    def test_that_is_too_fast_is_unwise(self, site, driver, hertz, level):
        node = {"sys/class/i2c-adapter/i2c-1/of_node/clock-frequency": hertz.to_bytes(4, "big")}
        assert levels(buses.speed(site(node, text=AIR.replace("bme280", driver)))) == [level]

    def test_is_as_fast_as_its_slowest_chip(self, site):
        node = {"sys/class/i2c-adapter/i2c-1/of_node/clock-frequency": (400_000).to_bytes(4, "big")}
        (found,) = buses.speed(site(node, text=AIR.replace("bme280", "mlx90614")))
        assert "100000" in found.cure


class TestAnInstalledService:
    def installed(self, site, groups, tmp_path):
        files = {"dev/i2c-1": "", "etc/systemd/system/limpet.service": "", "run/systemd/system/x": ""}
        made = site(files, {"systemctl show -P SupplementaryGroups limpet": groups}, AIR)
        (tmp_path / "dev/i2c-1").chmod(0o660)
        return made

    def test_uses_a_device_through_its_own_groups_not_through_this_users(self, site, tmp_path, monkeypatch):
        monkeypatch.setattr("agent.cli.doctor.rights._name", lambda _: "i2c")
        assert levels(buses.i2c(self.installed(site, "i2c gpio", tmp_path))) == [OK]
        assert levels(buses.i2c(self.installed(site, "gpio", tmp_path))) == [BROKEN]

    def test_cannot_use_a_device_of_root(self, site, tmp_path, monkeypatch):
        monkeypatch.setattr("agent.cli.doctor.rights._name", lambda _: "root")
        (found,) = buses.i2c(self.installed(site, "i2c", tmp_path))
        assert "udevadm trigger" in found.cure

    @pytest.mark.parametrize(
        ("told", "expected"),
        [
            ("ActiveState=active\nNRestarts=0\nUnitFileState=enabled", [OK]),
            ("ActiveState=active\nNRestarts=7\nUnitFileState=disabled", [OK, WARNING, WARNING]),
            ("ActiveState=failed\nResult=exit-code\nUnitFileState=enabled", [BROKEN]),
            ("ActiveState=inactive\nResult=success\nUnitFileState=enabled", [BROKEN]),
        ],
    )
    def test_is_told_as_systemd_tells_it(self, site, told, expected):
        files = {"etc/systemd/system/limpet.service": "", "run/systemd/system/x": "", "run/limpet/health.json": "{}"}
        found = list(service.unit(site(files, {"systemctl": told})))
        assert [one.level for one in found if one.check == "service"] == expected

    def test_that_has_not_told_for_long_is_broken(self, site, tmp_path):
        files = {"etc/systemd/system/limpet.service": "", "run/systemd/system/x": "", "run/limpet/health.json": "{}"}
        made = site(files, {"systemctl": "ActiveState=active"})
        os.utime(tmp_path / "run/limpet/health.json", (time.time() - 500,) * 2)
        assert levels(service.unit(made)) == [OK, BROKEN]


class TestPins:
    def test_are_good_when_the_backend_was_tried_and_works(self, site):
        made = replace(site({"dev/gpiochip0": ""}, text=DOOR), run=lambda _: '["LGPIOFactory", null]')
        assert levels([*pins.gpio(made), *pins.backend(made)]) == [OK, OK]

    def test_without_lgpio_are_cured_by_installing_it(self, site):
        made = replace(site({"dev/gpiochip0": ""}, text=DOOR), run=lambda _: '[null, "PermanentError: install lgpio"]')
        (found,) = pins.backend(made)
        assert found.level == BROKEN
        assert "apt-get install python3-lgpio" in found.cure

    def test_whose_backend_crashes_or_hangs_are_broken(self, site):
        assert levels(pins.backend(site({"dev/gpiochip0": ""}, text=DOOR))) == [BROKEN]

    def test_that_nobody_wants_are_left_alone(self, site):
        made = site(text=HOST)
        assert levels([*pins.gpio(made), *pins.backend(made), *ports.spi(made)]) == [SKIPPED]

    def test_the_probe_itself_comes_back_with_a_name_or_a_reason(self):
        name, error = json.loads(Site().run([os.sys.executable, "-c", pins.PROBE]).splitlines()[-1])
        assert name or error


class TestPower:
    @pytest.mark.parametrize(
        ("flags", "level", "words"),
        [
            ("0", OK, "no under"),
            ("50005", BROKEN, "under-voltage"),
            ("50000", WARNING, "machine: under-voltage, the processor"),
            ("8", WARNING, "soft"),
        ],
    )
    def test_is_told_from_the_firmwares_bits(self, site, flags, level, words):
        (found,) = machine.power(site({"sys/devices/platform/soc/soc:firmware/get_throttled": flags + "\n"}))
        assert found.level == level
        assert words in found.text

    def test_is_told_by_vcgencmd_where_the_file_is_missing(self, site):
        assert levels(machine.power(site(answers={"vcgencmd": "throttled=0x1"}))) == [BROKEN]

    def test_is_told_by_the_sensor_of_newer_boards(self, site):
        node = "sys/class/hwmon/hwmon1"
        assert levels(machine.power(site({f"{node}/name": "rpi_volt\n", f"{node}/in0_lcrit_alarm": "1\n"}))) == [BROKEN]

    def test_of_another_machine_is_unknown(self, site):
        assert levels(machine.power(site())) == [SKIPPED]


class TestTheClock:
    @pytest.mark.parametrize(("answer", "level"), [("yes", OK), ("no", WARNING), (None, SKIPPED)])
    def test_is_believed_when_systemd_does(self, site, answer, level):
        answers = {} if answer is None else {"timedatectl": answer}
        assert levels(machine.clock(site(answers=answers))) == [level]

    def test_that_nobody_sets_is_cured_by_ntp(self, site):
        (found,) = machine.clock(site(answers={"timedatectl": "no"}))
        assert found.cure == "sudo timedatectl set-ntp true"


class TestTheDisk:
    def disk(self, monkeypatch, free, flags=0):
        status = os.statvfs_result((4096, 4096, 10**6, free // 4096, free // 4096, 1, 1, 1, flags, 255))
        monkeypatch.setattr(machine.os, "statvfs", lambda _: status)

    @pytest.mark.parametrize(("free", "level"), [(1 << 20, BROKEN), (20 << 20, WARNING), (1 << 30, OK)])
    def test_has_room_or_not(self, site, monkeypatch, free, level):
        self.disk(monkeypatch, free)
        assert levels(machine.disk(site(text=HOST))) == [level]

    def test_that_is_read_only_is_broken(self, site, monkeypatch):
        self.disk(monkeypatch, 1 << 30, os.ST_RDONLY)
        (found,) = machine.disk(site())
        assert "remount,rw" in found.cure

    @pytest.mark.parametrize(("durability", "level"), [("outage", OK), ("always", WARNING)])
    def test_wears_as_the_plan_says(self, site, durability, level):
        text = f'[outbox]\ndurability = "{durability}"\n{HOST}every = "1s"\n'
        assert levels(machine.wear(site(text=text))) == [level]


class TestTheBroker:
    def test_with_a_name_that_nobody_knows_is_broken(self, site):
        (found,) = network.name(site(text=f'[mqtt]\nhost = "no-such-host.invalid"\n{HOST}'))
        assert found.level == BROKEN
        assert "no-such-host.invalid" in found.cure

    def test_that_is_away_is_broken(self, site):
        (found,) = network.broker(site(text=f"[mqtt]\nport = 1\n{HOST}"))
        assert (found.level, found.cure) == (BROKEN, "sudo systemctl restart mosquitto")

    def test_whose_password_is_closed_to_this_user_is_not_blamed(self, site, mocker):
        made = site({"word": "x"}, text=f'[mqtt]\nport = 1\nusername = "a"\npassword_file = "word"\n{HOST}')
        # Root, as which tests may run, can read everything.
        mocker.patch("agent.config.secret.os.open", side_effect=PermissionError(13, "Permission denied"))
        assert levels(network.broker(made)) == [SKIPPED]

    def test_whose_password_is_not_there_is_cured_by_one(self, site, tmp_path):
        made = site({"word": "x"}, text=f'[mqtt]\nport = 1\nusername = "a"\npassword_file = "word"\n{HOST}')
        (tmp_path / "word").unlink()
        (found,) = network.broker(made)
        assert (found.level, "No such file" in found.text, "only line" in found.cure) == (BROKEN, True, True)

    def test_discovery_that_is_off_is_no_fault(self, site):
        assert levels(network.homeassistant(site(text=HOST))) == [SKIPPED]


class TestSecrets:
    def test_that_everybody_can_read_are_told(self, site, tmp_path):
        made = site({"word": "x"}, text=f'[mqtt]\npassword_file = "word"\n{HOST}')
        (tmp_path / "word").chmod(0o644)
        assert levels(service.secrets(made)) == [WARNING]
        (tmp_path / "word").chmod(0o600)
        assert levels(service.secrets(made)) == []


class TestACheck:
    def test_that_hangs_is_left_behind_and_told(self, site):
        forever = threading.Event()

        def hangs(_site):
            forever.wait()
            return ()

        found = list(examine({"bus": hangs, "after": lambda _: [Finding("after", OK, "")]}, site(), deadline=0.05))
        forever.set()
        assert [(one.check, one.level) for one in found] == [("bus", BROKEN), ("after", OK)]

    def test_that_crashes_is_a_finding_and_the_others_go_on(self, site):
        def crashes(_site):
            raise ValueError("odd")

        found = list(examine({"x": crashes, "y": lambda _: [Finding("y", OK, "")]}, site()))
        assert levels(found) == [WARNING, OK]

    def test_never_finds_a_fault_without_a_cure(self, site, monkeypatch):
        monkeypatch.setattr(network, "RETAINED", 0.1)
        bare = site(text=f"[mqtt]\nport = 1\n{AIR}{DOOR}", can_use=lambda _: False)
        broken = [one for one in examine(doctor.CHECKS, bare) if one.level == BROKEN]
        assert len(broken) > 2
        assert all(one.cure for one in broken)


class TestTheCommand:
    @pytest.fixture
    def limpet(self, tmp_path, monkeypatch, capsys):
        """Return a function that runs the doctor with given findings: exit code, stdout."""
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("LIMPET_CONFIG", raising=False)
        monkeypatch.setattr(config, "SYSTEM_FILE", tmp_path / "none.toml")

        def run(*words, found=()):
            monkeypatch.setattr(doctor, "CHECKS", {"x": lambda _: found})
            return main.main(["doctor", *words]), capsys.readouterr().out

        return run

    def test_ends_with_1_when_something_is_broken(self, limpet):
        code, out = limpet(found=[Finding("x", BROKEN, "is off", "sudo on")])
        assert code == 1
        assert "cure: sudo on" in out

    def test_ends_with_0_when_something_is_only_unwise(self, limpet):
        assert limpet(found=[Finding("x", WARNING, "is odd", "mend it")])[0] == 0

    def test_prints_one_document_as_json(self, limpet):
        document = json.loads(limpet("--json", found=[Finding("x", BROKEN, "is off", "sudo on")])[1])
        assert (document["broken"], document["warnings"]) == (1, 0)
        assert document["findings"][-1] == {"check": "x", "level": "broken", "text": "is off", "cure": "sudo on"}

    def test_checks_the_machine_alone_without_a_configuration(self, limpet):
        code, out = limpet(found=[Finding("x", OK, "good")])
        assert code == 0
        assert "only the machine" in out

    def test_ends_with_78_when_the_configuration_is_wrong_but_checks_the_machine(self, limpet, tmp_path):
        (tmp_path / "limpet.toml").write_text("x =")
        code, out = limpet(found=[Finding("x", OK, "good")])
        assert (code, "good" in out) == (78, True)


KILN = '[[sensor]]\nid = "kiln"\ndriver = "max31855"\noptions = { select = 1 }\n'
DUST = '[[sensor]]\nid = "dust"\ndriver = "pms5003"\nport = "/dev/serial0"\n'


class TestSpi:
    def test_is_good_where_the_chip_select_is_there_and_open(self, site):
        assert levels(ports.spi(site({"dev/spidev0.1": ""}, text=KILN))) == [OK]

    def test_that_is_off_is_switched_on_by_one_command(self, site):
        (found,) = ports.spi(site({"dev/spidev0.0": ""}, text=KILN))
        assert (found.level, found.cure) == (BROKEN, "sudo raspi-config nonint do_spi 0 && sudo reboot")
        (found,) = ports.spi(site(text=KILN.replace("select", "port")))
        assert "dtoverlay=spi1-3cs" in found.cure

    def test_that_is_not_open_to_this_user_is_cured_by_a_group(self, site):
        (found,) = ports.spi(site({"dev/spidev0.1": ""}, text=KILN, can_use=lambda _: False))
        assert "usermod -aG spi" in found.cure


class TestASerialPort:
    def test_is_good_where_it_is_there_and_ours(self, site):
        assert levels(ports.serial(site({"dev/serial0": "", "proc/cmdline": "console=tty1"}, text=DUST))) == [OK]

    def test_that_nothing_reads_is_not_looked_at(self, site):
        assert levels(ports.serial(site(text=HOST))) == []

    @pytest.mark.parametrize("file", ["proc/cmdline", "boot/firmware/cmdline.txt"])
    def test_that_the_console_uses_is_freed_by_one_command(self, site, file):
        made = site({"dev/serial0": "", file: "console=serial0,115200 console=tty1 root=PARTUUID=1"}, text=DUST)
        found = list(ports.serial(made))
        assert levels(found) == [OK, BROKEN]
        assert found[1].cure == "sudo raspi-config nonint do_serial_cons 1 && sudo reboot"

    def test_that_is_off_is_switched_on_by_one_command(self, site):
        (found,) = ports.serial(site(text=DUST))
        assert "raspi-config nonint do_serial_hw 0" in found.cure
        (found,) = ports.serial(site(text=DUST.replace("serial0", "ttyAMA3")))
        assert "dtoverlay=uart3" in found.cure

    def test_of_an_adapter_that_is_out_names_those_that_are_in(self, site):
        (found,) = ports.serial(site({"dev/ttyUSB1": ""}, text=DUST.replace("serial0", "ttyUSB0")))
        assert found.level == BROKEN
        assert "/dev/ttyUSB1" in found.text

    def test_that_is_not_open_to_this_user_is_cured_by_a_group(self, site):
        (found,) = ports.serial(site({"dev/serial0": ""}, text=DUST, can_use=lambda _: False))
        assert "usermod -aG dialout" in found.cure

    def test_without_pyserial_is_cured_by_installing_again(self, site, monkeypatch):
        monkeypatch.setattr(ports, "find_spec", lambda _: None)
        found = next(ports.serial(site({"dev/serial0": ""}, text=DUST)))
        assert (found.level, found.cure) == (BROKEN, "sudo sh deploy/install.sh")
