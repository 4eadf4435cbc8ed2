# Sourced by install.sh: Python, the venv, and what is installed in it.
# Uses say, die, have, offline; $HERE, $WORK, $HOME_DIR, $LINK, $ETC. Sets $PYTHON, $VERSION, and $FRESH, the new venv.
# Python runs isolated (-I): as root, nothing is imported from the folder in which the installer was called.
# shellcheck shell=sh disable=SC2154

find_python() { # Debian's own first: its python3-lgpio fits no other
    for PYTHON in /usr/bin/python3 python3; do
        if "$PYTHON" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            return
        fi
    done
    die "Python 3.11 or newer is needed: Raspberry Pi OS Bookworm, Debian 12, or newer"
}

apt_install() { # apt_install PACKAGE: succeeds if it is there afterwards
    if offline || ! have apt-get; then
        return 1
    fi
    say "installing Debian's $1"
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$1" >"$WORK/apt.log" 2>&1 ||
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y "$1"; } >"$WORK/apt.log" 2>&1
}

need_venv() {
    "$PYTHON" -I -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv ||
        die "Python's venv is missing; install it: sudo apt-get install python3-venv"
}

# ---- the program

copy_source() { # the checkout may be read-only, and gets no build/ nor egg-info
    mkdir "$WORK/source"
    for part in pyproject.toml README.md LICENSE agent drivers; do
        cp -R "$HERE/../$part" "$WORK/source/" || die "$HERE/.. is no whole checkout: $part is missing"
    done
    find "$WORK/source" -name __pycache__ -type d -prune -exec rm -rf {} +
    VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' "$WORK/source/pyproject.toml" | head -n 1)
}

make_venv() {
    number=1
    while [ -e "$HOME_DIR/venv-$number" ]; do
        number=$((number + 1))
    done
    mkdir -p "$HOME_DIR"
    FRESH=$HOME_DIR/venv-$number
    "$PYTHON" -I -m venv "$FRESH" || die "cannot make a venv in $FRESH"
}

pip_install() {
    "$FRESH/bin/python" -I -m pip install --quiet "$@" >>"$WORK/pip.log" 2>&1
}

locked() { # locked FILE: exactly what the lock names, whichever index or mirror it comes from
    pip_install --no-deps --only-binary :all: --require-hashes --requirement "$HERE/$1"
}

give_up() {
    tail -n 15 "$WORK/pip.log" >&2
    die "$1; pip's last words are above"
}

# A pin backend is needed where a pin is configured, and nowhere else: without one everything else works.
install_pin_backend() {
    if offline; then
        pip_install --only-binary :all: 'lgpio>=0.2.2' || true
    else
        locked pins.lock || true
    fi
    if "$FRESH/bin/python" -I -c 'import importlib.util as u, sys; sys.exit(u.find_spec("lgpio") is None)'; then
        return
    fi
    if { has_lgpio "$PYTHON" || apt_install python3-lgpio; } && link_lgpio; then
        say "pins: Debian's python3-lgpio"
    else
        say "pins cannot be read: there is no lgpio for this Python. I2C, SPI and kernel sensors need none;"
        say "if a sensor of yours is on a pin: sudo apt install python3-lgpio (Raspberry Pi OS), then run this again"
    fi
}

has_lgpio() {
    (cd "$WORK" && "$1" -I -c 'import lgpio') 2>/dev/null
}

link_lgpio() { # only this one module, not all of the system's; the metadata tells pip that it is there
    lgpio=$(cd "$WORK" && "$PYTHON" -I -c 'import lgpio; print(lgpio.__file__)' 2>/dev/null) || return 1
    site=$("$FRESH/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    ln -s "$lgpio" "${lgpio%/*}"/_lgpio*.so "$site/"
    mkdir "$site/lgpio-0.2.2.dist-info"
    printf 'Metadata-Version: 2.1\nName: lgpio\nVersion: 0.2.2\n' >"$site/lgpio-0.2.2.dist-info/METADATA"
    has_lgpio "$FRESH/bin/python"
}

install_limpet() {
    if offline; then
        from_folder || give_up "pip could not install limpet from ${PIP_FIND_LINKS:-no folder at all}"
    else
        locked requirements.lock || give_up "pip could not install the locked versions"
        pip_install --no-deps --no-build-isolation "$WORK/source" || give_up "pip could not install limpet"
    fi
    if [ -e "$ETC/requirements.txt" ]; then
        pip_install --requirement "$ETC/requirements.txt" || give_up "pip could not install $ETC/requirements.txt"
        say "installed what $ETC/requirements.txt asks for"
    fi
    "$FRESH/bin/python" -I -m compileall -q "$FRESH/lib" >/dev/null || true # the service cannot write there
    (cd "$WORK" && "$FRESH/bin/limpet" --version) >/dev/null || die "the new limpet does not run"
}

from_folder() { # wheels that the user has brought along: there is nothing to hold them against
    "$FRESH/bin/python" -I - "$WORK" <<'P'
import sys
import tomllib
from pathlib import Path

work = Path(sys.argv[1])
project = tomllib.loads((work / "source" / "pyproject.toml").read_text())["project"]
# The pin backend comes later, and may be missing.
needs = [need for need in project["dependencies"] if not need.startswith("lgpio")]
(work / "needs").write_text("\n".join(needs))
(work / "extras").write_text("\n".join(project["optional-dependencies"]["pi"]))
P
    pip_install --requirement "$WORK/needs" || return 1
    pip_install --requirement "$WORK/extras" ||
        say "wheels of h11, rich or pyserial are missing: no status page, no live view or no UART"
    # A wheel of limpet itself, or a build: with isolation pip wants setuptools from the folder, else Python 3.11 has one in
    # the venv. By name never from an index: there the name may be another's.
    pip_install --no-deps "limpet==$VERSION" || pip_install --no-deps "$WORK/source" ||
        { pip_install wheel || true && pip_install --no-deps --no-build-isolation "$WORK/source"; }
}

activate() { # activate VENV: at once, for everybody
    ln -s "${1##*/}" "$HOME_DIR/current.new"
    mv -T "$HOME_DIR/current.new" "$HOME_DIR/current"
}

link_command() {
    if [ -e "$LINK" ] && [ ! -L "$LINK" ]; then
        say "$LINK is not ours and was left alone; ours is $HOME_DIR/current/bin/limpet"
        return
    fi
    mkdir -p "${LINK%/*}"
    ln -sfn "$HOME_DIR/current/bin/limpet" "$LINK"
}
