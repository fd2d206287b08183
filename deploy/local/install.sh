#!/bin/sh
# Installs the locked packages and this project, editable, into .venv.
# Usage, from the repository's root: deploy/local/install.sh PYTHON LOCK...
# With uv where it works, else with venv and pip. Every package is held to the hashes of the locks.
set -eu
python=$1
shift

if uv --version >/dev/null 2>&1; then
    test -x .venv/bin/python || uv venv --quiet --python "$python" .venv
    install="uv pip install --quiet --python .venv/bin/python"
else
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "Claimwire needs Python 3.11 or later: make setup PYTHON3=/path/to/python3" >&2
        exit 1
    }
    test -x .venv/bin/python || "$python" -m venv .venv
    # An environment that uv made has no pip.
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
    install=".venv/bin/python -m pip install --quiet --disable-pip-version-check"
fi

for lock in "$@"; do
    $install --require-hashes -r "$lock"
done
$install --no-deps --no-build-isolation -e .
