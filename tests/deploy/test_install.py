"""The installer as far as it can be tried without changing this machine; the rest is tests/system/pi.sh."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from agent import config

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPTS = sorted([*DEPLOY.glob("*.sh"), *DEPLOY.glob("broker/*.sh")])


def sh(*words: object, **environ: str) -> subprocess.CompletedProcess[str]:
    shell = shutil.which("dash") or "sh"
    return subprocess.run(
        [shell, *map(str, words)],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_every_script_is_understood_by_the_plainest_shell(script):
    done = sh("-n", script)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_template_is_a_good_configuration_without_warnings():
    read = config.load(DEPLOY / "limpet.toml")
    assert [sensor.driver for sensor in read.sensors] == ["host"]
    assert read.warnings == ()


def test_the_rules_name_the_groups_that_the_installer_makes():
    rules = (DEPLOY / "60-limpet.rules").read_text()
    install = (DEPLOY / "install.sh").read_text()
    for group in ("i2c", "gpio", "spi"):
        assert f'GROUP="{group}"' in rules
    assert "for group in i2c gpio spi" in install


def locked(name: str) -> dict[str, str]:
    """Return what a lock pins: name and version."""
    lines = (DEPLOY / name).read_text().splitlines()
    pins = [line.partition(" ")[0].split("==") for line in lines if "==" in line.partition(" ")[0]]
    return {canonicalize_name(one): version for one, version in pins}


class TestTheLock:
    PROJECT = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]

    def test_has_a_version_that_each_requirement_allows(self):
        pins = locked("requirements.lock") | locked("pins.lock")
        for need in map(Requirement, [*self.PROJECT["dependencies"], *self.PROJECT["optional-dependencies"]["pi"]]):
            name = canonicalize_name(need.name)
            assert name in pins, f"{need.name} is not locked: sh deploy/lock.sh"
            assert pins[name] in need.specifier, f"{need.name} {pins[name]} is locked: sh deploy/lock.sh"

    @pytest.mark.parametrize("name", ["requirements.lock", "pins.lock"])
    def test_has_a_hash_for_each_version(self, name):
        entries = re.split(r"\n(?=\S)", (DEPLOY / name).read_text().strip())
        assert entries
        assert all("--hash=sha256:" in one for one in entries if not one.startswith("#"))

    def test_of_the_service_needs_no_compiler_and_no_pin_backend(self):
        assert "lgpio" not in locked("requirements.lock")

    def test_covers_the_extra_that_holds_all_of_a_pi(self):
        extras = self.PROJECT["optional-dependencies"]
        assert set(extras["pi"]) == {*extras["web"], *extras["watch"], *extras["uart"]}


class TestTheCallersFolder:
    """Nothing in it runs: the installer is root, and the demo may be called from a folder of downloads."""

    @pytest.mark.parametrize("script", ["install.sh", "program.sh", "venv.sh", "deb.sh", "lock.sh"])
    def test_is_not_where_python_looks_for_modules(self, script):
        text = (DEPLOY / script).read_text()
        runs = re.findall(r"\"\$(?:1|python|PYTHON|\{PYTHON:-python3\}|[A-Za-z/$]*bin/python)\" +(-\S*)", text)
        assert set(runs) <= {"-I"}

    def test_does_not_run_when_the_environment_is_made(self, tmp_path):
        evil, checkout = tmp_path / "evil", tmp_path / "checkout"
        evil.mkdir()
        (checkout / "deploy").mkdir(parents=True)
        for name in ("venv", "ensurepip", "tomllib", "pip", "site", "sysconfig"):
            (evil / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
        shutil.copy(DEPLOY / "venv.sh", checkout / "deploy")
        script = checkout / "deploy" / "show.sh"
        script.write_text('set -eu\nextras=none\n. "$(dirname -- "$0")/venv.sh"\n')
        (checkout / "pyproject.toml").write_text(
            '[project]\nname = "x"\nversion = "1"\ndependencies = []\noptional-dependencies = { none = [] }\n'
        )
        subprocess.run(["sh", script], cwd=evil, capture_output=True, timeout=60, check=False)
        assert (checkout / ".venv" / "bin" / "python").exists()
        assert not (tmp_path / "ran").exists()


class TestTheInstaller:
    def test_tells_how_it_is_used(self):
        done = sh(DEPLOY / "install.sh", "--help")
        assert done.returncode == 0
        assert "PIP_NO_INDEX" in done.stdout

    def test_refuses_what_it_does_not_know(self):
        assert sh(DEPLOY / "install.sh", "--fly").returncode == 2

    def test_says_that_it_must_be_root(self, tmp_path):
        fake = tmp_path / "id"
        fake.write_text("#!/bin/sh\necho 1000\n")
        fake.chmod(0o755)
        done = sh(DEPLOY / "install.sh", PATH=f"{tmp_path}:{os.environ['PATH']}")
        assert done.returncode == 1
        assert "sudo sh" in done.stderr


class TestI2cOnAPi:
    """`enable_i2c` of the installer, with a config.txt of ours."""

    @pytest.fixture
    def enable(self, tmp_path):
        """Return a function that runs it over a config.txt: what it said, and the file afterwards."""
        text = (DEPLOY / "install.sh").read_text()
        function = "enable_i2c()" + text.partition("enable_i2c()")[2].partition("\n}\n")[0] + "\n}\n"
        function = function.replace("/boot/", f"{tmp_path}/boot/").replace("/etc/modules", f"{tmp_path}/etc/modules")
        script = tmp_path / "enable.sh"
        head = (
            'set -eu\nsay() { echo "$*"; }\nhave() { false; }\nmodprobe() { :; }\nREBOOT=\n'
            f"MODULES={tmp_path}/m/limpet.conf\n"
        )
        script.write_text(f'{head}{function}enable_i2c\necho "$REBOOT"\n')
        (tmp_path / "boot").mkdir()

        def run(content):
            file = tmp_path / "boot" / "config.txt"
            file.write_text(content)
            done = sh(script)
            assert done.returncode == 0, done.stderr
            return done.stdout, file.read_text()

        return run

    @pytest.mark.parametrize(
        "content", ["# nothing\n", "#dtparam=i2c_arm=on\n", "dtparam=i2c_arm=off\n", "[pi5]\ndtparam=spi=on\n"]
    )
    def test_that_is_off_is_switched_on_for_all_models_and_wants_a_reboot(self, enable, content):
        said, after = enable(content)
        assert after == content + "\n[all]\ndtparam=i2c_arm=on\n"
        assert "sudo reboot" in said

    @pytest.mark.parametrize(
        "content", ["dtparam=i2c_arm=on\n", "dtparam=i2c=on\n", "dtparam=audio=on,i2c_arm=on\n", "dtparam=i2c_arm\n"]
    )
    def test_that_is_on_is_left_alone(self, enable, content):
        said, after = enable(content)
        assert (said.strip(), after) == ("", content)

    def test_is_switched_on_only_once(self, enable):
        _, after = enable("# nothing\n")
        assert enable(after)[1] == after
