#!/bin/sh
# Installs limpet as a service on Raspberry Pi OS or Debian: sudo sh deploy/install.sh [--uninstall | --purge]
#
# Run it again to upgrade: configuration and data stay, and a version that does not start is taken back. Versions and hashes
# of what it installs stand in requirements.lock. pip gets your environment, so that a folder of wheels serves offline:
#   sudo PIP_NO_INDEX=1 PIP_FIND_LINKS=/media/stick sh deploy/install.sh
# What you add to the service's environment stands in /etc/limpet/requirements.txt; every upgrade installs it again.
# --uninstall keeps configuration, data and user; --purge keeps nothing.

set -eu
umask 022
unset PYTHONPATH PYTHONHOME PIP_USER PIP_TARGET PIP_PREFIX PIP_ROOT # they would lead pip out of our venv
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

HERE=$(CDPATH='' cd "$(dirname "$0")" && pwd)
HOME_DIR=/opt/limpet
ETC=/etc/limpet
CONFIG=$ETC/limpet.toml
STATE=/var/lib/limpet
LINK=/usr/local/bin/limpet
UNIT=/etc/systemd/system/limpet.service
GROUPS_FILE=$UNIT.d/10-groups.conf
RULES=/etc/udev/rules.d/60-limpet.rules
MODULES=/etc/modules-load.d/limpet.conf
SHARED=/usr/local/share
BASH_COMPLETION=$SHARED/bash-completion/completions/limpet
ZSH_COMPLETION=$SHARED/zsh/site-functions/_limpet
FISH_COMPLETION=$SHARED/fish/vendor_completions.d/limpet.fish
MANUAL=$SHARED/man/man1/limpet.1
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

# shellcheck source=program.sh
. "$HERE/program.sh"

# ---- user, devices, configuration

make_user() {
    for group in i2c gpio spi dialout; do
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
    mkdir -p "$ETC"
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

place_help() { # what editors, shells and man know of limpet
    "$FRESH/bin/limpet" schema config >"$WORK/limpet.schema.json" &&
        install -m 0644 "$WORK/limpet.schema.json" "$ETC/limpet.schema.json" ||
        say "the schema for editors could not be written: limpet schema config"
    place_shell limpet.bash "$BASH_COMPLETION"
    place_shell limpet.zsh "$ZSH_COMPLETION"
    place_shell limpet.fish "$FISH_COMPLETION"
    place_shell limpet.1 "$MANUAL"
}

place_shell() { # place_shell FILE PLACE
    mkdir -p "${2%/*}"
    install -m 0644 "$HERE/../agent/cli/shell/$1" "$2"
}

# ---- the service

place_unit() {
    existing=
    for group in i2c gpio spi dialout; do
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

discard_old() { # a card has no room for versions that are no longer run
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
    install_limpet
    install_pin_backend
    say "the program is in $FRESH"
    make_user
    place_rules
    enable_i2c
    configure
    place_unit
    activate "$FRESH"
    link_command
    place_help
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
    rm -f "$BASH_COMPLETION" "$ZSH_COMPLETION" "$FISH_COMPLETION" "$MANUAL"
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
    rm -rf "$ETC" "$STATE" "$UNIT.d" /etc/credstore/limpet.mqtt_password
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
cd "$WORK"
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
