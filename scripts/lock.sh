#!/bin/sh
# Renews the lock files in requirements/ from pyproject.toml and requirements/*.in.
# Every package is pinned with its hashes and without an address: where it is fetched from is the
# business of whoever installs it. `make lock UPGRADE=1` also takes newer versions.
set -eu
cd "$(dirname "$0")/.."

lock() { # output, inputs…
    output=$1
    shift
    .venv/bin/uv pip compile --no-config --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-emit-index-url --no-emit-find-links --system-certs --quiet \
        --custom-compile-command "make lock" ${UPGRADE:+--upgrade} "$@" --output-file "$output"
}

lock requirements/installer.txt requirements/installer.in
lock requirements/runtime.txt pyproject.toml
lock requirements/build.txt requirements/build.in --constraint requirements/runtime.txt
lock requirements/dev.txt requirements/dev.in \
    --constraint requirements/runtime.txt --constraint requirements/build.txt
lock requirements/node.txt requirements/node.in
