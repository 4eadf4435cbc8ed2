"""Files of an older version: read as they are, written anew on request."""

import stat
from pathlib import Path

import pytest

from agent import config
from agent.cli.main import main
from agent.config import upgrade

OLD = '[[sensor]]\nid = "air"\ndriver = "sht4x"\nperiod = "20s"  # slowly\n'


@pytest.fixture
def second_version(monkeypatch):
    """Let there be a version 2, in which `period` has become `every`."""
    monkeypatch.setattr(upgrade, "STEPS", (lambda text: text.replace("period =", "every ="),))


def test_a_file_of_today_is_left_alone(tmp_path, capsys):
    file = tmp_path / "limpet.toml"
    file.write_text("config_version = 1\n" + OLD.replace("period", "every"))
    before = file.read_bytes()
    assert main(["check", "--upgrade", "-c", str(file)]) == 0
    assert file.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["limpet.toml"]
    assert "nothing to upgrade" in capsys.readouterr().err


def test_a_file_of_tomorrow_is_refused_with_the_reason():
    (found,) = config.parse("config_version = 2\n" + OLD.replace("period", "every"))[1]
    assert (found.line, found.what) == (1, "this file is of version 2, and this Limpet knows 1 at most")


@pytest.mark.usefixtures("second_version")
class TestAnOlderFile:
    def test_is_read_and_warned_about(self):
        read, (found,) = config.parse(OLD)
        assert read is not None
        assert read.sensors[0].every == 20.0
        assert (found.is_warning, found.fix) == (True, "limpet check --upgrade -c limpet.toml")

    def test_is_written_anew_beside_a_backup(self, tmp_path):
        file = tmp_path / "limpet.toml"
        file.write_text("config_version = 1\n" + OLD)
        file.chmod(0o640)
        assert main(["check", "--upgrade", "-c", str(file)]) == 0
        assert file.read_text() == "config_version = 2\n" + OLD.replace("period", "every")
        assert stat.S_IMODE(file.stat().st_mode) == 0o640
        assert Path(f"{file}.1").read_text() == "config_version = 1\n" + OLD

    def test_stays_where_it_cannot_be_written(self, tmp_path, mocker, capsys):
        file = tmp_path / "limpet.toml"
        file.write_text(OLD)
        mocker.patch("shutil.copymode", side_effect=OSError(28, "No space left on device"))
        assert main(["check", "--upgrade", "-c", str(file)]) == 78
        assert file.read_text() == OLD
        assert "No space left" in capsys.readouterr().err
