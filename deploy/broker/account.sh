#!/bin/sh
# Gives a device or a person a name, a password and rights at the broker; prints the new password.
# Files are in $FOLDER, /etc/mosquitto/limpet.
#
#   account.sh device NAME [FORMER…]   a limpet with device_id = NAME: writes below limpet/NAME/, announces itself;
#                                      FORMER: what it was called before, for what it still has to send from then
#   account.sh reader NAME             sees everything, changes nothing
#   account.sh homeassistant NAME      Home Assistant: sees everything, sends requests
#
# The same name again: a new password, and the rights that are missing. Then: sudo systemctl reload mosquitto
# With another mqtt.topic_root or homeassistant.prefix: ROOT=site/hall-3/limpet PREFIX=ha account.sh …

set -eu
umask 027
FOLDER=${FOLDER:-/etc/mosquitto/limpet}
ROOT=${ROOT:-limpet}
PREFIX=${PREFIX:-homeassistant}

die() {
    echo "account.sh: $*" >&2
    exit 1
}

usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

discovery() { # discovery NAME: where Home Assistant looks for a device; a name keeps apart from any other
    plain=$(printf %s "$1" | tr -c 'A-Za-z0-9_-' _)
    [ "$plain" = "$1" ] || plain=${plain}_$(printf %s "$1" | openssl dgst -sha256 -r | cut -c1-8)
    echo "$PREFIX/device/limpet_$plain/config"
}

rights() { # rights KIND NAME [FORMER…]
    kind=$1 name=$2
    shift 2
    case $kind in
    device)
        echo "topic write $ROOT/$name/#"
        echo "topic read $ROOT/$name/request/#"
        echo "topic readwrite $(discovery "$name")"
        # `limpet run --simulate` has another device id and the same user name.
        echo "topic write $ROOT/$name-simulated/#"
        echo "topic read $ROOT/$name-simulated/request/#"
        for former in "$@"; do
            echo "topic write $ROOT/$former/#"
            echo "topic readwrite $(discovery "$former")"
        done
        ;;
    reader) printf "topic read %s/#\n" "$ROOT" "$PREFIX" ;;
    homeassistant)
        echo "topic read $ROOT/#"
        echo "topic write $ROOT/+/request/#"
        echo "topic readwrite $PREFIX/#"
        ;;
    esac
}

missing() { # missing NAME: of the lines on stdin those that its sections of the list do not have
    awk -v name="$1" '
        FNR == NR { if ($1 == "user") mine = ($2 == name); else if (mine) known[$0]; next }
        !($0 in known)
    ' "$FOLDER/acl" -
}

case ${1:-}:$# in
device:1 | reader:1 | homeassistant:1) usage ;;
device:*) ;;
reader:2 | homeassistant:2) ;;
*) usage ;;
esac
kind=$1
shift
for name in "$@"; do
    case $name in
    '' | *[!A-Za-z0-9._-]*) die "a name is made of letters, digits, . _ and -: a + or # in it would give all rights" ;;
    esac
done
name=$1
[ -e "$FOLDER/acl" ] || die "there is no $FOLDER/acl; first copy deploy/broker/acl there"

password=$(openssl rand -hex 16)
fresh=$(mktemp "$FOLDER/passwd.XXXXXX")
trap 'rm -f "$fresh"' EXIT
printf '%s:%s\n' "$name" "$password" >"$fresh"
# By file: everybody can see an argument.
mosquitto_passwd -U "$fresh"
[ ! -e "$FOLDER/passwd" ] || awk -F: -v name="$name" '$1 != name' "$FOLDER/passwd" >>"$fresh"
chmod 0640 "$fresh"
mv "$fresh" "$FOLDER/passwd"
lines=$(rights "$kind" "$@" | missing "$name")
[ -z "$lines" ] || printf '\nuser %s\n%s\n' "$name" "$lines" >>"$FOLDER/acl"
if getent group mosquitto >/dev/null && [ "$(id -u)" = 0 ]; then
    chgrp mosquitto "$FOLDER/passwd" "$FOLDER/acl"
    chmod 0640 "$FOLDER/passwd" "$FOLDER/acl"
fi
echo "$password"
