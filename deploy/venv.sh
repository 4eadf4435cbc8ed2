# Makes .venv beside deploy/, or renews it when pyproject.toml has changed. Sourced: extras in $extras, sets $root, $venv.
# Python runs isolated (-I): nothing in the folder from which this is called is imported.

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
venv=$root/.venv

usable() {
    "$1" -I -c 'import sys; sys.exit(not (3, 11) <= sys.version_info)' >/dev/null 2>&1
}

find_python() {
    for python in "${PYTHON:-python3.13}" python3.13 python3.12 python3.11 python3 python; do
        if usable "$python" && "$python" -I -c 'import venv, ensurepip' >/dev/null 2>&1; then
            return
        fi
    done
    if usable python3; then
        echo "python3 has no venv; on Debian, Raspberry Pi OS and Ubuntu: sudo apt install python3-venv" >&2
    else
        echo "Python 3.11 or newer is needed; name it with PYTHON=/path/to/python sh $0" >&2
    fi
    exit 1
}

pip() {
    "$venv/bin/python" -I -m pip --quiet --disable-pip-version-check "$@" >&2
}

if ! usable "$venv/bin/python"; then
    find_python
    echo "making $venv" >&2
    "$python" -I -m venv --clear "$venv"
fi

# The package itself is installed as a link to the sources, so only a change of its needs asks for more.
wanted=$(cksum <"$root/pyproject.toml") || exit 1
stamp=$venv/.limpet-$extras
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted $root" ]; then
    echo "installing into $venv" >&2
    # An environment that something else made, or that was half made, has no pip.
    "$venv/bin/python" -I -c 'import pip' 2>/dev/null || "$venv/bin/python" -I -m ensurepip >&2
    # Without lgpio: it has no wheel for every machine and Python, and nothing here touches a real pin.
    "$venv/bin/python" -I - "$root/pyproject.toml" "$extras" >"$venv/requirements.txt" <<'EOF'
import sys
import tomllib

with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)["project"]
needs = list(project["dependencies"])
for extra in sys.argv[2].split("+"):
    needs += project["optional-dependencies"][extra]
print("\n".join(need for need in needs if not need.startswith("lgpio")))
EOF
    pip install -r "$venv/requirements.txt"
    pip install --no-deps -e "$root"
    echo "$wanted $root" >"$stamp"
fi
