"""The command from outside: commands, exit codes, what goes to stdout and what to stderr."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import commands, main
from drivers import catalog

AIR = '[[sensor]]\nid = "air"\ndriver = "sht4x"\n'


@pytest.fixture
def limpet(tmp_path, monkeypatch, capsys):
    """Return a function that runs `limpet` in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LIMPET_CONFIG", raising=False)

    def run(*words):
        try:
            code = main.main(words)
        except SystemExit as end:  # argparse
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


class TestTheCommand:
    def test_without_a_command_is_wrong_usage_and_tells_the_commands(self, limpet):
        code, out, err = limpet()
        assert (code, out) == (2, "")
        assert "check" in err

    @pytest.mark.parametrize("words", [("fly",), ("check", "--fly"), ("schema", "tea"), ("--fly",)])
    def test_used_wrongly_ends_with_2(self, limpet, words):
        assert limpet(*words)[0] == 2

    def test_tells_its_version(self, limpet):
        code, out, _ = limpet("--version")
        assert code == 0
        assert out.startswith("limpet ")

    def test_shows_only_commands_that_are_there(self, limpet, monkeypatch):
        monkeypatch.setitem(commands.COMMANDS, "juggle", "not written yet")
        assert "juggle" not in limpet("--help")[1]
        assert limpet("juggle")[0] == 2

    @pytest.mark.parametrize("command", commands.present())
    def test_has_help_with_an_example_for_each_command(self, limpet, command):
        code, out, _ = limpet(command, "--help")
        assert code == 0
        assert f"limpet {command}" in out.partition("example")[2]

    @pytest.mark.parametrize("command", commands.present())
    def test_takes_a_configuration_with_every_command_before_and_after_it(self, limpet, monkeypatch, command):
        named = []
        monkeypatch.setattr(f"agent.cli.{command}.main", lambda args: named.append(args.config) or 0)
        assert limpet(command, "-c", "my.toml")[0] == 0
        assert limpet("--config=my.toml", command)[0] == 0
        assert limpet(command)[0] == 0
        assert named == ["my.toml", "my.toml", None]

    @pytest.mark.parametrize("words", [("run", "--batches"), ("demo", "--batches"), ("watch", "--count")])
    @pytest.mark.parametrize("number", ["x", "0", "-1", "1.5", ""])
    def test_counts_in_whole_numbers_from_1(self, limpet, words, number):
        code, _, err = limpet(*words, number)
        assert code == 2
        assert f"argument {words[1]}: must be a whole number of 1 or more" in err

    def test_ends_well_when_interrupted(self, limpet, monkeypatch):
        def interrupted(_words):
            raise KeyboardInterrupt

        monkeypatch.setattr(main, "_run", interrupted)
        assert limpet("check")[0] == 0

    def test_imports_a_command_only_when_it_is_called(self):
        code = "import sys; from agent.cli import main; main.main(['schema', 'batch']); print(*sys.modules, sep=' ')"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        loaded = done.stdout.split()
        assert "agent.cli.schema" in loaded
        assert not {"agent.cli.check", "agent.cli.chips", "smbus2", "paho", "asyncio"} & set(loaded)

    def test_ends_well_when_nobody_reads_on(self):
        shell = f"{sys.executable} -m agent schema asyncapi | head -c 1; exit ${{PIPESTATUS[0]}}"
        done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")

    def test_speaks_utf8_whatever_the_locale(self):
        env = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
        done = subprocess.run([sys.executable, "-m", "agent", "chips"], capture_output=True, env=env, check=False)
        assert "°C" in done.stdout.decode("utf-8")


class TestCheck:
    def test_is_content_with_a_good_file(self, limpet):
        Path("limpet.toml").write_text(AIR)
        assert limpet("check") == (0, "", "limpet.toml: good, 1 sensors, 0 warnings\n")

    def test_says_what_is_wrong_where_and_how_to_cure_it(self, limpet):
        Path("my.toml").write_text(AIR + "adress = 0x44\n")
        says = "my.toml:4: adress: unknown key (sensor air)\n    fix: did you mean `address`?\n"
        assert limpet("check", "-c", "my.toml") == (78, "", says)
        assert limpet("-c", "my.toml", "check") == (78, "", says)
        assert limpet("--config=my.toml", "check") == (78, "", says)

    def test_is_not_the_only_command_that_says_so(self, limpet):
        Path("limpet.toml").write_text(AIR + "adress = 0x44\n")
        says = "limpet.toml:4: adress: unknown key (sensor air)\n    fix: did you mean `address`?\n"
        assert limpet("plan") == (78, "", says)

    def test_lets_the_unwise_pass_with_a_warning(self, limpet):
        Path("limpet.toml").write_text(AIR + "address = 0x76\n")
        code, out, err = limpet("check")
        assert (code, out) == (0, "")
        assert err.startswith("limpet.toml:4: address: warning: a sht4x cannot be at 0x76 (sensor air)\n    fix: ")

    def test_speaks_json(self, limpet):
        Path("limpet.toml").write_text(AIR + "adress = 0x44\naddress = 0x76")
        code, out, err = limpet("check", "--json")
        assert (code, err) == (78, "")
        assert json.loads(out)["mistakes"] == [
            {
                "file": "limpet.toml",
                "line": 4,
                "key": "sensor.adress",
                "sensor": "air",
                "what": "unknown key",
                "fix": "did you mean `address`?",
            }
        ]
        assert [one["key"] for one in json.loads(out)["warnings"]] == ["sensor.address"]

    def test_without_a_file_names_the_places_it_looked_at(self, limpet):
        code, out, err = limpet("check")
        assert (code, out) == (78, "")
        assert "looked for limpet.toml or /etc/limpet/limpet.toml" in err
        code, out, err = limpet("check", "--json")
        assert (code, err) == (78, "")
        assert "looked for" in json.loads(out)["mistakes"][0]["what"]

    def test_reads_what_the_environment_names(self, limpet, monkeypatch):
        Path("other.toml").write_text(AIR)
        monkeypatch.setenv("LIMPET_CONFIG", "other.toml")
        assert limpet("check")[2].startswith("other.toml: good")


class TestChips:
    def test_lists_every_driver_with_units(self, limpet):
        code, out, _ = limpet("chips")
        assert code == 0
        lines = {line.split()[0]: line for line in out.splitlines()}
        assert set(catalog.names()) <= set(lines)
        assert "0x44 0x45 0x46" in lines["sht4x"]
        assert "temperature °C, humidity %" in lines["sht4x"]

    def test_speaks_json(self, limpet):
        chips = {one["name"]: one for one in json.loads(limpet("chips", "--json")[1])}
        assert chips["sht4x"]["bus"] == "i2c"
        assert chips["sht4x"]["addresses"] == [0x44, 0x45, 0x46]
        assert chips["sht4x"]["quantities"][0] == {"name": "temperature", "unit": "°C", "kind": "temperature"}
        assert chips["contact"]["bus"] == "gpio"

    def test_goes_on_after_a_driver_that_cannot_be_loaded(self, limpet, monkeypatch):
        monkeypatch.setitem(catalog._MODULES, "sht4x", "drivers.chips.not_there:Sht4x")
        code, out, err = limpet("chips")
        assert code == 1
        assert "bme280" in out
        assert err.startswith("sht4x cannot be loaded: ")
