#!/bin/bash
# Installs limpet in a chroot of plain Debian and prints what holds: bash tests/system/chroot.sh SUITE (bookworm, trixie)
#
# Needs root, debootstrap and a network. No systemd runs there: that part is tests/system/pi.sh.
set -uo pipefail
suite=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
root=$work/root
failed=0
clean_up() {
    umount "$root/proc" 2>/dev/null
    rm -rf "$work"
}
trap clean_up EXIT

claim() { # claim TEXT COMMAND...
    local text=$1
    shift
    if "$@" >>"$work/log" 2>&1; then
        echo "ok      $suite: $text"
    else
        echo "FAILED  $suite: $text"
        tail -n 12 "$work/log" | sed 's/^/        /'
        failed=$((failed + 1))
    fi
}
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"; }

debootstrap --variant=minbase --include=python3,ca-certificates "$suite" "$root" >"$work/log" 2>&1 ||
    { tail -n 5 "$work/log" && exit 1; }
mount --bind /proc "$root/proc"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# What this machine needs to reach its package indexes counts there, too.
[ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/pip.conf"
cp -rL /etc/ssl/certs/. "$root/etc/ssl/certs/" 2>/dev/null
for file in /etc/apt/apt.conf.d/*proxy*; do [ ! -e "$file" ] || cp "$file" "$root/etc/apt/apt.conf.d/"; done
mkdir "$root/checkout" "$root/evil"
cp -r "$here"/{pyproject.toml,README.md,LICENSE,agent,drivers,deploy} "$root/checkout/"
# What lies in the caller's folder must not run as root.
for name in venv ensurepip pip tomllib site sysconfig agent importlib; do
    echo "open('/evil-ran', 'w')" >"$root/evil/$name.py"
done

install_here() { inside sh -c "cd /evil && sh /checkout/deploy/install.sh"; }
claim "install.sh ends well" install_here
claim "nothing of the caller's folder ran" test ! -e "$root/evil-ran"
claim "limpet is on the path" inside limpet --version
claim "the configuration that it wrote is good" inside limpet check
claim "a sensor is read" inside limpet read
claim "the live view and UART are there" inside /opt/limpet/current/bin/python -I -c "import rich, serial, h11"
claim "editors find the schema that the first line names" inside sh -c "head -n 1 /etc/limpet/limpet.toml | grep -q '^#:schema ./limpet.schema.json' && test -s /etc/limpet/limpet.schema.json"
shared=/usr/local/share
claim "completion and the man page are there" inside ls $shared/bash-completion/completions/limpet $shared/zsh/site-functions/_limpet $shared/fish/vendor_completions.d/limpet.fish $shared/man/man1/limpet.1
mkdir -p "$root/mine/theirs"
printf '[project]\nname = "theirs"\nversion = "1"\n' >"$root/mine/pyproject.toml"
echo >"$root/mine/theirs/__init__.py"
echo "/mine" >"$root/etc/limpet/requirements.txt"
claim "install.sh upgrades" install_here
claim "what the user added is there after an upgrade" inside /opt/limpet/current/bin/python -I -c "import theirs"
claim "--purge leaves nothing" inside sh -c "sh /checkout/deploy/install.sh --purge && test ! -e /opt/limpet -a ! -e /etc/limpet -a ! -e $shared/man/man1/limpet.1"

claim "the package is built" sh "$here/deploy/deb.sh" "$root"
claim "apt installs the package" inside sh -c "apt-get update -qq && apt-get install -y -qq --no-install-recommends /limpet_*.deb"
claim "limpet of the package runs" inside limpet check
claim "apt purges the package" inside sh -c "apt-get purge -y -qq limpet && test ! -e /opt/limpet -a ! -e /etc/limpet"
echo "$failed claims failed"
[ "$failed" = 0 ]
