#!/bin/sh
# Gives somebody a name, a password and rights at the broker; prints the new password. Files in $FOLDER, /etc/mosquitto/limpet.
#
#   account.sh device NAME          a limpet with device_id = NAME: writes below limpet/NAME/, announces itself
#   account.sh reader NAME          sees everything, changes nothing
#   account.sh homeassistant NAME   Home Assistant: sees everything, gives orders
#
# The same name again: a new password. Then: sudo systemctl reload mosquitto

set -eu
umask 027
FOLDER=${FOLDER:-/etc/mosquitto/limpet}

die() {
    echo "account.sh: $*" >&2
    exit 1
}

rights() { # rights KIND NAME
    echo "user $2"
    case $1 in
    device) echo "topic readwrite homeassistant/device/limpet_$(echo "$2" | tr -c 'A-Za-z0-9_\n-' _)/config" ;;
    reader) printf 'topic read limpet/#\ntopic read homeassistant/#\n' ;;
    homeassistant) printf 'topic read limpet/#\ntopic write limpet/+/request/#\ntopic readwrite homeassistant/#\n' ;;
    esac
}

case ${1:-}:$# in
device:2 | reader:2 | homeassistant:2) ;;
*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
case $2 in
*[!A-Za-z0-9._-]*) die "a name is made of letters, digits, . _ and -: a + or # in it would give all rights" ;;
esac
[ -e "$FOLDER/acl" ] || die "there is no $FOLDER/acl; first copy deploy/broker/acl there"

password=$(openssl rand -hex 16)
fresh=$(mktemp "$FOLDER/passwd.XXXXXX")
trap 'rm -f "$fresh"' EXIT
printf '%s:%s\n' "$2" "$password" >"$fresh"
mosquitto_passwd -U "$fresh" # by file: an argument can be seen by everybody
[ ! -e "$FOLDER/passwd" ] || awk -F: -v name="$2" '$1 != name' "$FOLDER/passwd" >>"$fresh"
chmod 0640 "$fresh"
mv "$fresh" "$FOLDER/passwd"
grep -qxF "user $2" "$FOLDER/acl" || rights "$1" "$2" | { echo && cat; } >>"$FOLDER/acl"
if getent group mosquitto >/dev/null && [ "$(id -u)" = 0 ]; then
    chgrp mosquitto "$FOLDER/passwd" "$FOLDER/acl"
    chmod 0640 "$FOLDER/passwd" "$FOLDER/acl"
fi
echo "$password"
