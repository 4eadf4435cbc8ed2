# Sourced by install.sh: Python, the venv, and what is installed in it.
# Uses say, die, have, offline; $HERE, $WORK, $HOME_DIR, $LINK. Sets $PYTHON, $VERSION, and $FRESH, the new venv.
# shellcheck shell=sh disable=SC2154

find_python() { # Debian's own first: its python3-lgpio fits no other
    for PYTHON in /usr/bin/python3 python3; do
        if "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
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
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv ||
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
    "$PYTHON" -m venv "$FRESH" || die "cannot make a venv in $FRESH"
}

pip_install() {
    "$FRESH/bin/python" -m pip install --quiet "$@" >>"$WORK/pip.log" 2>&1
}

install_lgpio() { # Python 3.13 may get the empty 0.0.0.2, and a build from source needs swig: only a wheel will do
    if pip_install --only-binary :all: 'lgpio>=0.2.2'; then
        return
    fi
    "$PYTHON" -c 'import lgpio' 2>/dev/null || apt_install python3-lgpio ||
        die "there is no wheel of lgpio for this Python; install Debian's: sudo apt-get install python3-lgpio"
    link_lgpio || die "python3-lgpio is there, but $PYTHON cannot use it"
    say "lgpio: Debian's python3-lgpio"
}

link_lgpio() { # only this one module, not all of the system's; the metadata tells pip that it is there
    lgpio=$(cd "$WORK" && "$PYTHON" -c 'import lgpio; print(lgpio.__file__)') || return 1
    site=$("$FRESH/bin/python" -c 'import sysconfig; print(sysconfig.get_path("platlib"))')
    ln -s "$lgpio" "${lgpio%/*}"/_lgpio*.so "$site/"
    mkdir "$site/lgpio-0.2.2.dist-info"
    printf 'Metadata-Version: 2.1\nName: lgpio\nVersion: 0.2.2\n' >"$site/lgpio-0.2.2.dist-info/METADATA"
    (cd "$WORK" && "$FRESH/bin/python" -c 'import lgpio')
}

with_own_setuptools() { # pip's isolated build wants setuptools from the index; Python 3.11 has one in the venv
    pip_install wheel || true
    pip_install --no-build-isolation "$WORK/source"
}

install_limpet() {
    pip_install "$WORK/source" ||
        { offline && pip_install "limpet==$VERSION"; } || # never from an index: there the name may be another's
        with_own_setuptools ||
        { tail -n 15 "$WORK/pip.log" >&2 && die "pip could not install limpet; its last words are above"; }
    pip_install --only-binary :all: h11 || say "the status page needs h11, which cannot be had here; all else works"
    "$FRESH/bin/python" -m compileall -q "$FRESH/lib" >/dev/null || true # the service cannot write there
    (cd "$WORK" && "$FRESH/bin/limpet" --version) >/dev/null || die "the new limpet does not run"
}

activate() { # activate VENV: at once, for everybody
    ln -s "${1##*/}" "$HOME_DIR/current.new"
    mv -T "$HOME_DIR/current.new" "$HOME_DIR/current"
}

link_command() {
    if [ -e "$LINK" ] && [ ! -L "$LINK" ]; then
        say "$LINK is somebody else's and was left alone; ours is $HOME_DIR/current/bin/limpet"
        return
    fi
    mkdir -p "${LINK%/*}"
    ln -sfn "$HOME_DIR/current/bin/limpet" "$LINK"
}
