#!/bin/sh
# Makes an authority and certificates for the broker; files in $FOLDER, /etc/mosquitto/limpet by default.
#
#   certificates.sh ca                       once: ca.crt for everybody, ca.key for nobody (keep it off the broker)
#   certificates.sh server NAME [NAME|IP…]   server.crt, server.key: the names by which devices call the broker
#   certificates.sh client DEVICE            DEVICE.crt, DEVICE.key: only where the broker asks for certificates

set -eu
umask 077
FOLDER=${FOLDER:-/etc/mosquitto/limpet}
DAYS=${DAYS:-825}

die() {
    echo "certificates.sh: $*" >&2
    exit 1
}
new_key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }

authority() {
    [ ! -e "$FOLDER/ca.key" ] || die "$FOLDER/ca.key is there already; a new one would make all certificates worthless"
    new_key "$FOLDER/ca.key"
    openssl req -x509 -new -key "$FOLDER/ca.key" -days 7300 -subj "/CN=limpet authority" -out "$FOLDER/ca.crt" \
        -addext "keyUsage=critical,keyCertSign,cRLSign"
    chmod 0644 "$FOLDER/ca.crt"
}

certificate() { # certificate FILE NAME USAGE ALTERNATIVES
    [ -e "$FOLDER/ca.key" ] || die "there is no $FOLDER/ca.key; first: certificates.sh ca"
    new_key "$FOLDER/$1.key"
    # Python 3.13 wants the key identifiers, too (RFC 5280 §4.2.1)
    cat >"$FOLDER/$1.ext" <<X
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=$3
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=$4
X
    openssl req -new -key "$FOLDER/$1.key" -subj "/CN=$2" |
        openssl x509 -req -CA "$FOLDER/ca.crt" -CAkey "$FOLDER/ca.key" -CAcreateserial -days "$DAYS" \
            -extfile "$FOLDER/$1.ext" -out "$FOLDER/$1.crt" 2>/dev/null
    rm -f "$FOLDER/$1.ext"
    chmod 0644 "$FOLDER/$1.crt"
}

alternatives() { # NAME… as subjectAltName
    list=
    for name in "$@"; do
        case $name in
        *[!0-9.]*:* | *:* | [0-9]*.[0-9]*.[0-9]*.[0-9]*) kind=IP ;;
        *) kind=DNS ;;
        esac
        list="$list,$kind:$name"
    done
    echo "${list#,}"
}

mkdir -p "$FOLDER"
chmod 0755 "$FOLDER"
case ${1:-}:$# in
ca:1) authority ;;
server:1) die "name the broker: certificates.sh server broker.local 192.168.1.5" ;;
server:*)
    shift
    certificate server "$1" serverAuth "$(alternatives "$@")"
    if getent group mosquitto >/dev/null && [ "$(id -u)" = 0 ]; then
        chgrp mosquitto "$FOLDER/server.key"
        chmod 0640 "$FOLDER/server.key"
    fi
    ;;
client:2) certificate "$2" "$2" clientAuth "DNS:$2" ;;
*)
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac
