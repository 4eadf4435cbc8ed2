#!/bin/sh
# Makes a Debian package of this checkout, for all architectures: sh deploy/deb.sh [FOLDER]
#
# It carries the checkout and wheels of what is pure Python, and its scripts call install.sh, which then needs no network:
# sudo apt install ./limpet_VERSION_all.deb. lgpio, which is not pure Python and needed for pins only, comes from Raspberry Pi OS.

set -eu
HERE=$(CDPATH='' cd "$(dirname "$0")/.." && pwd)
OUT=${1:-.}
PYTHON=${PYTHON:-python3}
VERSION=$(sed -n 's/^version = "\(.*\)"/\1/p' "$HERE/pyproject.toml" | head -n 1)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
SHARE=$WORK/limpet/usr/share/limpet

mkdir -p "$SHARE/wheels" "$WORK/limpet/DEBIAN"
for part in pyproject.toml README.md LICENSE agent drivers deploy; do
    cp -R "$HERE/$part" "$SHARE/"
done
find "$SHARE" -name __pycache__ -type d -prune -exec rm -rf {} +
cp -R "$SHARE" "$WORK/source" # what builds may leave its traces there
"$PYTHON" -I -m pip wheel --quiet --no-deps --wheel-dir "$SHARE/wheels" "$WORK/source"
"$PYTHON" -I -m pip download --quiet --no-deps --only-binary :all: --require-hashes --dest "$SHARE/wheels" \
    --requirement "$HERE/deploy/requirements.lock"
for wheel in "$SHARE"/wheels/*; do
    case $wheel in
    *-none-any.whl) ;;
    *) echo "deb.sh: ${wheel##*/} is for one architecture only" >&2 && exit 1 ;;
    esac
done

cat >"$WORK/limpet/DEBIAN/control" <<X
Package: limpet
Version: $VERSION
Architecture: all
Maintainer: Limpet <limpet@localhost>
Depends: python3 (>= 3.11), python3-venv, systemd
Recommends: python3-lgpio
Section: utils
Priority: optional
Description: reads the sensors of a Raspberry Pi and publishes them over MQTT
 Holds on when chips, buses and brokers fail.
X
cat >"$WORK/limpet/DEBIAN/postinst" <<'X'
#!/bin/sh
set -e
[ "$1" != configure ] || PIP_NO_INDEX=1 PIP_FIND_LINKS=/usr/share/limpet/wheels sh /usr/share/limpet/deploy/install.sh
X
cat >"$WORK/limpet/DEBIAN/prerm" <<'X'
#!/bin/sh
set -e
[ "$1" != remove ] || sh /usr/share/limpet/deploy/install.sh --uninstall
X
cat >"$WORK/limpet/DEBIAN/postrm" <<'X'
#!/bin/sh
set -e
if [ "$1" = purge ]; then
    rm -rf /etc/limpet /var/lib/limpet /etc/systemd/system/limpet.service.d /etc/credstore/limpet.mqtt_password
    ! getent passwd limpet >/dev/null || userdel limpet
fi
X
chmod 0755 "$WORK/limpet/DEBIAN/postinst" "$WORK/limpet/DEBIAN/prerm" "$WORK/limpet/DEBIAN/postrm"
chmod -R u=rwX,go=rX "$WORK/limpet"
# What is in it, as auditors read it (CycloneDX), where that tool is installed: pip install cyclonedx-bom
if "$PYTHON" -I -c 'import cyclonedx_py' 2>/dev/null; then
    "$PYTHON" -I -m cyclonedx_py requirements "$HERE/deploy/requirements.lock" --output-file "$OUT/limpet_${VERSION}.cdx.json"
fi
dpkg-deb --root-owner-group --build "$WORK/limpet" "$OUT/limpet_${VERSION}_all.deb"
