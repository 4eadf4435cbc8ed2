#!/bin/sh
# Installs limpet as a service on Raspberry Pi OS or Debian: sudo sh deploy/install.sh [--uninstall | --purge]
#
# Run it again to upgrade: configuration and data stay, and a version that does not start is taken back. pip gets your
# environment, so that a folder of wheels serves offline:
#   sudo PIP_NO_INDEX=1 PIP_FIND_LINKS=/media/stick sh deploy/install.sh
# --uninstall keeps configuration, data and user; --purge keeps nothing.

set -eu
umask 022
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT # they would lead pip out of our venv
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

HERE=$(CDPATH='' cd "$(dirname "$0")" && pwd)
HOME_DIR=/opt/limpet
CONFIG=/etc/limpet/limpet.toml
STATE=/var/lib/limpet
LINK=/usr/local/bin/limpet
UNIT=/etc/systemd/system/limpet.service
GROUPS_FILE=$UNIT.d/10-groups.conf
RULES=/etc/udev/rules.d/60-limpet.rules
MODULES=/etc/modules-load.d/limpet.conf
WORK=
FRESH=

say() { echo "limpet: $*"; }
die() {
    echo "limpet: $*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }
booted() { [ -d /run/systemd/system ]; }
offline() { [ -n "${PIP_NO_INDEX:-}" ]; }

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

clean_up() {
    code=$?
    [ -z "$WORK" ] || rm -rf "$WORK"
    if [ -n "$FRESH" ] && [ "$(readlink -f "$HOME_DIR/current")" != "$FRESH" ]; then
        rm -rf "$FRESH"
    fi
    exit $code
}

# ---- what the machine must have

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

# ---- user, devices, configuration

make_user() {
    for group in i2c gpio spi; do
        groupadd --system --force "$group"
    done
    if ! getent passwd limpet >/dev/null; then
        useradd --system --user-group --no-create-home --home-dir "$STATE" --shell /usr/sbin/nologin limpet
        say "user limpet made"
    fi
    install -d -o limpet -g limpet -m 0750 "$STATE"
    if [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ] && ! id -nG "$SUDO_USER" | grep -qw limpet; then
        usermod -aG limpet "$SUDO_USER" # to read the configuration and the outbox; to change them needs root
        say "$SUDO_USER is in the group limpet from the next login on"
    fi
}

place_rules() {
    mkdir -p "${RULES%/*}"
    if cmp -s "$HERE/60-limpet.rules" "$RULES"; then
        return
    fi
    install -m 0644 "$HERE/60-limpet.rules" "$RULES"
    if booted; then
        udevadm control --reload && udevadm trigger --subsystem-match=i2c-dev --subsystem-match=gpio --subsystem-match=spidev
    fi
    say "udev rules placed: groups i2c, gpio, spi own their devices"
}

enable_i2c() { # where it is off on a Pi; plain Debian on other boards has no config.txt
    boot=
    for file in /boot/config.txt /boot/firmware/config.txt; do
        [ ! -f "$file" ] || boot=$file
    done
    if [ -z "$boot" ]; then
        return
    fi
    if [ ! -e "$MODULES" ] && ! grep -qs '^i2c[-_]dev' /etc/modules /etc/modules-load.d/*.conf; then
        mkdir -p "${MODULES%/*}"
        echo i2c-dev >"$MODULES"
    fi
    modprobe i2c-dev 2>/dev/null || true
    if grep -Eq '^[[:space:]]*dtparam=(.*,)?i2c(_arm)?(=on)?[[:space:]]*(,|$)' "$boot"; then
        return
    fi
    printf '\n[all]\ndtparam=i2c_arm=on\n' >>"$boot"
    say "I2C was off: switched on in $boot"
    if ! { have dtparam && dtparam i2c_arm=on && [ -e /dev/i2c-1 ]; } 2>/dev/null; then
        REBOOT="reboot to make I2C work: sudo reboot"
    fi
}

configure() {
    mkdir -p "${CONFIG%/*}"
    if [ -e "$CONFIG" ]; then
        say "$CONFIG kept"
        return
    fi
    if (cd "$WORK" && timeout 60 "$FRESH/bin/limpet" scan --toml >found.toml 2>scan.log &&
        grep -q '^\[\[sensor\]\]' found.toml && "$FRESH/bin/limpet" check -c found.toml 2>>scan.log); then
        found=$(grep -c '^\[\[sensor\]\]' "$WORK/found.toml")
        install -o root -g limpet -m 0640 "$WORK/found.toml" "$CONFIG"
        say "$CONFIG written, with the $found sensors that were found"
    else
        install -o root -g limpet -m 0640 "$HERE/limpet.toml" "$CONFIG"
        say "$CONFIG written: no sensor was found, so it reads this machine's own temperature and load"
    fi
}

# ---- the service

place_unit() {
    existing=
    for group in i2c gpio spi; do
        if getent group "$group" >/dev/null; then
            existing="$existing $group"
        fi
    done
    mkdir -p "$UNIT.d"
    [ ! -e "$UNIT" ] || cp "$UNIT" "$WORK/unit.before"
    install -m 0644 "$HERE/limpet.service" "$UNIT"
    printf '# Written by install.sh: those that this machine has.\n[Service]\nSupplementaryGroups=%s\n' "${existing# }" >"$GROUPS_FILE"
}

start() { # succeeds when the service says that it is ready, and still is a moment later
    systemctl daemon-reload
    systemctl enable --quiet limpet
    systemctl reset-failed limpet 2>/dev/null || true
    systemctl restart limpet || return 1
    for _ in 1 2 3; do
        sleep 1
        systemctl is-active --quiet limpet && [ "$(systemctl show -P NRestarts limpet)" = 0 ] || return 1
    done
}

take_back() { # the new version did not start
    journalctl -u limpet -n 15 --no-pager -o cat >&2 || true
    if [ -z "$BEFORE" ]; then
        FRESH=
        die "the service does not start; its last words are above. When that is cured: sudo systemctl restart limpet"
    fi
    activate "$BEFORE"
    [ ! -e "$WORK/unit.before" ] || cp "$WORK/unit.before" "$UNIT"
    if start; then
        die "the new version does not start (see above); the one before runs again"
    fi
    die "neither the new version nor the one before starts; see above, and: limpet doctor"
}

discard_old() { # a card has no room for versions that nobody runs
    for old in "$HOME_DIR"/venv-*; do
        [ "$old" = "$FRESH" ] || rm -rf "$old"
    done
}

install_all() {
    REBOOT=
    BEFORE=$(readlink -f "$HOME_DIR/current" 2>/dev/null || true)
    [ -d "$BEFORE" ] || BEFORE=
    find_python
    need_venv
    copy_source
    say "installing version $VERSION; on a small Pi this takes minutes"
    make_venv
    install_lgpio
    install_limpet
    say "the program is in $FRESH"
    make_user
    place_rules
    enable_i2c
    configure
    place_unit
    activate "$FRESH"
    link_command
    if booted; then
        start || take_back
        say "the service is active; see: limpet status, journalctl -u limpet, limpet doctor"
    else
        ! have systemctl || systemctl enable --quiet limpet 2>/dev/null || true # counts at the next boot of an image
        say "no systemd runs here, so nothing was started; by hand: limpet run"
    fi
    discard_old
    FRESH=
    [ -z "$REBOOT" ] || say "$REBOOT"
}

# ---- and away

uninstall() {
    if booted; then
        systemctl disable --now --quiet limpet 2>/dev/null || true
    fi
    rm -rf "$HOME_DIR"
    rm -f "$UNIT" "$GROUPS_FILE" "$RULES" "$MODULES" /etc/systemd/system/multi-user.target.wants/limpet.service
    rmdir "$UNIT.d" 2>/dev/null || true
    [ "$(readlink "$LINK" || true)" != "$HOME_DIR/current/bin/limpet" ] || rm -f "$LINK"
    if booted; then
        systemctl daemon-reload
        udevadm control --reload
    fi
    say "uninstalled"
}

purge() {
    uninstall
    rm -rf "${CONFIG%/*}" "$STATE" "$UNIT.d" /etc/credstore/limpet.mqtt_password
    ! getent passwd limpet >/dev/null || userdel limpet
    say "configuration, data and user are gone, too"
}

case ${1:-} in
--help | -h)
    usage
    exit 0
    ;;
"" | --uninstall | --purge) ;;
*)
    usage >&2
    exit 2
    ;;
esac
[ "$(id -u)" = 0 ] || die "this needs root: sudo sh $0 ${1:-}"
[ "$(uname -s)" = Linux ] || die "the service is for Linux; elsewhere try: sh deploy/demo.sh"
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
WORK=$(mktemp -d)
if have flock; then
    exec 9>/run/limpet-install.lock
    flock -n 9 || die "it is being installed already"
fi
case ${1:-} in
"") install_all ;;
--uninstall)
    uninstall
    say "kept: $CONFIG and $STATE; --purge removes them, too"
    ;;
--purge) purge ;;
esac
