"""`limpet init`: what it asks, what it tries, and what stands in the files that it writes."""

import getpass
import io
import json
import stat
from pathlib import Path

import pytest
from brokers import BrokerInThread

from agent import config
from agent.cli import init, main, scan
from agent.cli.init import Login
from drivers.fakes import FakeBus, fake_chip
from drivers.scan import BusScan


@pytest.fixture
def broker():
    with BrokerInThread() as scripted:
        yield scripted


@pytest.fixture
def limpet(tmp_path, monkeypatch, capsys):
    """Return a function that runs `limpet init` in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(config.VARIABLE, raising=False)
    monkeypatch.delenv("LIMPET_MQTT_PASSWORD", raising=False)
    monkeypatch.setattr(scan, "adapters", lambda: [])
    monkeypatch.setattr(scan, "listing", lambda: iter(()))

    def run(*words, typed=""):
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main.main(["init", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def at(broker):
    return "--host", "127.0.0.1", "--port", str(broker.port)


class TestAFirstConfiguration:
    def test_is_accepted_by_check_and_names_schema_version_and_host(self, limpet, broker):
        code, out, err = limpet(*at(broker), "--yes")
        text = Path("limpet.toml").read_text()
        assert code == 0, err
        assert text.startswith("#:schema ")
        assert "\nconfig_version = 1\n" in text
        settings = config.load()
        assert (settings.mqtt.host, settings.mqtt.port, settings.mqtt.username) == ("127.0.0.1", broker.port, None)
        assert [one.driver for one in settings.sensors] == ["host"]
        assert "memory" in out

    def test_names_localhost_too(self):
        login = Login("localhost", 1883, None, None)
        assert login.table(Path("x.password")) == '[mqtt]\nhost = "localhost"\n'

    def test_of_the_port_of_tls_speaks_tls(self):
        settings, _ = config.parse(Login("there", 8883, None, None).table(Path("x.password")))
        assert (settings.mqtt.port, settings.mqtt.tls) == (8883, config.TlsConfig())

    def test_holds_the_chips_that_were_found(self, limpet, broker, monkeypatch):
        bus = FakeBus({0x76: fake_chip("bme280")})
        monkeypatch.setattr(scan, "this_machine", lambda: ([BusScan(1, lambda: bus)], []))
        code, out, err = limpet(*at(broker), "--yes", "--json")
        assert code == 0, err
        assert [(one.driver, one.address) for one in config.load().sensors] == [("bme280", 0x76)]
        # This desktop has no such bus: that is reported, and does not keep the file from being written.
        assert json.loads(out)["unavailableSensors"] == ["bme280"]

    @pytest.mark.parametrize("answer", [b"\x20\x02\x00\x01", b"\x20\x03\x00\x84\x00"])
    def test_of_an_old_broker_names_the_version_that_it_speaks(self, limpet, broker, monkeypatch, answer):
        connect = broker._connect

        def old(body, writer):
            modern = body.data[6] == 5
            broker.connack = None if modern else 0
            version = connect(body, writer)
            if modern:
                writer.write(answer)
            return version

        monkeypatch.setattr(broker, "_connect", old)
        code, _, err = limpet(*at(broker), "--yes")
        assert code == 0, err
        assert "does not speak MQTT 5" in err
        assert config.load().mqtt.version == "3.1.1"
        assert [one.version for one in broker.connects] == [5, 4]

    def test_is_where_it_was_asked_for(self, limpet, broker):
        assert limpet("-c", "other.toml", *at(broker), "--yes")[0] == 0
        assert config.load("other.toml").mqtt.port == broker.port


class TestThePassword:
    @pytest.mark.parametrize("how", ["variable", "typed"])
    def test_stands_in_a_file_for_the_owner_alone(self, limpet, broker, monkeypatch, how):
        if how == "variable":
            monkeypatch.setenv("LIMPET_MQTT_PASSWORD", "tip top")
        code, out, err = limpet(*at(broker), "--username", "pi", typed="tip top\n")
        assert code == 0, err
        assert (broker.connects[0].username, broker.connects[0].password) == ("pi", b"tip top")
        assert "tip top" not in Path("limpet.toml").read_text() + out + err
        assert stat.S_IMODE(Path("limpet.password").stat().st_mode) == 0o600
        monkeypatch.delenv("LIMPET_MQTT_PASSWORD", raising=False)
        assert config.password(config.load().mqtt, {}).reveal() == "tip top"

    def test_is_read_at_a_terminal_without_an_echo(self, limpet, broker, monkeypatch):
        monkeypatch.setattr(getpass, "getpass", lambda *_args, **_more: "hidden")
        monkeypatch.setattr(init, "_at_terminal", lambda: True)
        assert limpet(*at(broker), "--username", "pi")[0] == 0
        assert broker.connects[0].password == b"hidden"

    def test_of_two_lines_is_refused(self, limpet, broker, monkeypatch):
        monkeypatch.setenv("LIMPET_MQTT_PASSWORD", "two\nlines")
        assert limpet(*at(broker), "--username", "pi", "--yes")[0] == 1
        assert not list(Path().iterdir())


class TestQuestions:
    def test_are_about_broker_port_and_name(self, limpet, broker):
        code, _, err = limpet(typed=f"127.0.0.1\nmany\n{broker.port}\npi\nsecret\n")
        assert code == 0, err
        assert "must be a port" in err
        assert (config.load().mqtt.port, config.load().mqtt.username) == (broker.port, "pi")

    def test_have_defaults(self, limpet, broker):
        assert limpet("--port", str(broker.port), typed="\n\n")[0] == 0
        assert config.load().mqtt.host == "localhost"

    def test_end_with_the_input(self, limpet):
        code, _, err = limpet()
        assert code == 1
        assert "limpet init --host HOST --yes" in err


class TestNothingIsWritten:
    def test_where_the_broker_refuses_the_login(self, limpet, broker):
        broker.connack = 0x86
        code, _, err = limpet(*at(broker), "--username", "pi", typed="wrong\n")
        assert code == 1
        assert "mosquitto_passwd" in err.partition("fix: ")[2]
        assert not list(Path().iterdir())

    def test_where_it_wants_a_name_and_says_how_to_give_one(self, limpet, broker):
        broker.connack = 0x87
        code, _, err = limpet(*at(broker), "--yes")
        assert code == 1
        assert "--username" in err.partition("fix: ")[2]

    @pytest.mark.parametrize("name", ["limpet.toml", "limpet.password"])
    def test_over_what_is_there(self, limpet, broker, name):
        Path(name).write_text("mine")
        code, _, err = limpet(*at(broker), "--yes")
        assert code == 1
        assert name in err
        assert Path(name).read_text() == "mine"
        assert len(list(Path().iterdir())) == 1
        assert not broker.connects

    def test_where_an_answer_cannot_stand_in_a_configuration(self, limpet):
        code, _, err = limpet("--host", "two words", "--yes")
        assert code == 1
        assert "mqtt.host" in err
        assert not list(Path().iterdir())
