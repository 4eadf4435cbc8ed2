"""Files of the configuration: where they are looked for, and who may read what is in them."""

import os
from pathlib import Path

import pytest

from agent import config
from agent.config import ConfigError, Secret
from agent.config.mistakes import Wrong
from agent.config.secret import SecretMissing, key_password, read_secret

AIR = '[[sensor]]\nid = "air"\ndriver = "sht4x"\n'


def parsed(text: str) -> config.Config:
    read, mistakes = config.parse(text)
    assert read is not None, mistakes
    return read


class TestFiles:
    def test_that_are_missing_are_named(self, tmp_path):
        text = AIR + "[mqtt]\nusername = 'u'\npassword_file = 'secret'"
        (found,) = config.parse(text, tmp_path / "limpet.toml")[1]
        assert found.what == f"{tmp_path / 'secret'}: No such file or directory"

    def test_are_looked_for_beside_the_configuration(self, tmp_path):
        (tmp_path / "secret").write_text("hunter2\n")
        (tmp_path / "secret").chmod(0o600)
        (tmp_path / "limpet.toml").write_text(AIR + "[mqtt]\nusername = 'u'\npassword_file = 'secret'")
        read = config.load(tmp_path / "limpet.toml")
        assert read.warnings == ()
        assert config.password(read.mqtt, {}) == Secret("hunter2")

    def test_of_secrets_are_for_few_eyes(self, tmp_path):
        (tmp_path / "secret").write_text("hunter2\n")
        (tmp_path / "secret").chmod(0o644)
        text = AIR + "[mqtt]\nusername = 'u'\npassword_file = 'secret'"
        (found,) = config.parse(text, tmp_path / "limpet.toml")[1]
        assert found.is_warning
        assert "can be read by everybody" in found.what

    def test_a_certificate_needs_its_key(self, tmp_path):
        (tmp_path / "cert").write_text("PEM")
        (found,) = config.parse(AIR + "[mqtt.tls]\ncert_file = 'cert'", tmp_path / "limpet.toml")[1]
        assert (found.line, found.key, found.what) == (5, "tls.cert_file", "needs key_file as well")


class TestFinding:
    def test_explicit_then_variable_then_here(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        for name in ("a.toml", "b.toml", "limpet.toml"):
            Path(name).write_text(AIR)
        assert config.find("a.toml", {"LIMPET_CONFIG": "b.toml"}) == Path("a.toml")
        assert config.find(None, {"LIMPET_CONFIG": "b.toml"}) == Path("b.toml")
        assert config.find(None, {}) == Path("limpet.toml")

    def test_nothing_names_the_places_looked_at(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ConfigError, match=r"looked for limpet\.toml or /etc/limpet/limpet\.toml"):
            config.find(None, {})
        with pytest.raises(ConfigError, match=r"nope\.toml \(from \$LIMPET_CONFIG\)"):
            config.find(None, {"LIMPET_CONFIG": "nope.toml"})

    def test_a_folder_is_called_one(self, tmp_path):
        with pytest.raises(ConfigError, match=r"this is a folder\n    fix: name the file in it: -c .*/limpet\.toml"):
            config.find(tmp_path, {})
        with pytest.raises(ConfigError, match=r"this is a folder \(from \$LIMPET_CONFIG\)"):
            config.find(None, {"LIMPET_CONFIG": str(tmp_path)})

    def test_a_file_that_is_no_text_has_its_line(self, tmp_path):
        (tmp_path / "x.toml").write_bytes(b"# one\n# \xff\n")
        with pytest.raises(ConfigError, match=r"x\.toml:2: this is no UTF-8"):
            config.load(tmp_path / "x.toml")


class TestTheStateFolder:
    def test_is_as_written_else_systemds_else_the_users(self):
        assert parsed(AIR + "[agent]\nstate_dir = '/data'").state_dir({"STATE_DIRECTORY": "/s"}) == Path("/data")
        assert parsed(AIR).state_dir({"STATE_DIRECTORY": "/s:/t"}) == Path("/s")
        assert parsed(AIR).state_dir({}) == Path.home() / ".local/state/limpet"


class TestASecret:
    def test_is_shown_to_nobody(self):
        secret = Secret("hunter2")
        assert f"{secret} {secret!r} {[secret]} {'%s' % secret}" == "*** *** [***] ***"  # noqa: UP031
        assert secret.reveal() == "hunter2"

    def test_comes_from_the_environment_then_systemd_then_the_file(self, tmp_path):
        (tmp_path / "mqtt_password").write_text("credential\n")
        (tmp_path / "file").write_text("file")
        mqtt = config.MqttConfig(password_file=tmp_path / "file")
        systemd = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
        assert config.password(mqtt, {"LIMPET_MQTT_PASSWORD": "variable", **systemd}) == Secret("variable")
        assert config.password(mqtt, systemd) == Secret("credential")
        assert config.password(mqtt, {"CREDENTIALS_DIRECTORY": "/nowhere"}) == Secret("file")
        assert config.password(config.MqttConfig(), {}) is None

    def test_that_is_not_there_yet_is_no_mistake_of_the_configuration(self):
        with pytest.raises(SecretMissing, match="password_file /nowhere cannot be read: No such file"):
            config.password(config.MqttConfig(password_file=Path("/nowhere")), {})
        with pytest.raises(SecretMissing, match=r"tls\.key_password_file"):
            key_password(config.TlsConfig(key_password_file=Path("/nowhere")))

    def test_is_not_an_empty_variable(self, tmp_path):
        (tmp_path / "file").write_text("file")
        mqtt = config.MqttConfig(password_file=tmp_path / "file")
        assert config.password(mqtt, {"LIMPET_MQTT_PASSWORD": ""}) == Secret("file")
        assert config.password(config.MqttConfig(), {"LIMPET_MQTT_PASSWORD": ""}) is None


class TestTheFileOfASecret:
    @pytest.mark.parametrize(
        ("content", "secret"),
        [
            (b"hunter2", "hunter2"),
            (b"hunter2\n", "hunter2"),
            (b"hunter2\r\n\n", "hunter2"),
            (b" hunter 2 \n", " hunter 2 "),
            ("\ufeffhünter".encode(), "hünter"),
        ],
    )
    def test_holds_one_line(self, tmp_path, content, secret):
        (tmp_path / "file").write_bytes(content)
        assert read_secret(tmp_path / "file") == Secret(secret)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "is empty"),
            (b"\n\n", "is empty"),
            (b"one\ntwo\n", "has 2 lines"),
            (b"h\xfcnter", "byte 2 is 0xfc; is it Latin-1"),
            ("hunter2".encode("utf-16"), "is UTF-16"),
            ("hunter2".encode("utf-16-le"), "is UTF-16"),
            (b"x" * (1 << 16) + b"x", "is larger than"),
        ],
    )
    def test_holds_nothing_else(self, tmp_path, content, words):
        (tmp_path / "file").write_bytes(content)
        with pytest.raises(Wrong, match=words):
            read_secret(tmp_path / "file")
        text = AIR + "[mqtt]\nusername = 'u'\npassword_file = 'file'"
        (found, *_) = config.parse(text, tmp_path / "limpet.toml")[1]
        assert (found.is_warning, words in found.what) == (False, True)
        with pytest.raises(ConfigError, match=words):
            config.password(config.MqttConfig(password_file=tmp_path / "file"), {})

    @pytest.mark.parametrize("name", ["fifo", "/dev/zero", "/dev/tty", "."])
    def test_is_a_file(self, tmp_path, name):
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises((Wrong, OSError)):
            read_secret(tmp_path / name)

    @pytest.mark.parametrize(("content", "warns"), [(b"hunter2 ", True), (b"\thunter2", True), (b"hunter2", False)])
    def test_is_warned_of_a_blank_that_nobody_sees(self, tmp_path, content, warns):
        (tmp_path / "file").write_bytes(content)
        (tmp_path / "file").chmod(0o600)
        found = config.parse(AIR + "[mqtt]\nusername = 'u'\npassword_file = 'file'", tmp_path / "limpet.toml")[1]
        assert [one.is_warning for one in found] == [True] * warns
