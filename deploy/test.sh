#!/bin/sh
# Runs all checks, and all tests, on every core: sh deploy/test.sh [arguments of pytest]
set -eu
extras=demo+test
. "$(dirname -- "$0")/venv.sh"
cd "$root"
failed=
check() {
    "$venv/bin/python" -m "$@" || failed="$failed $1"
}
check ruff format --check .
check ruff check --quiet .
check mypy
# One process more than cores: some tests wait for brokers and databases.
check pytest --numprocesses "$(($(getconf _NPROCESSORS_ONLN) + 1))" --dist worksteal "$@"
if [ -n "$failed" ]; then
    echo "failed:$failed" >&2
    exit 1
fi
