#!/usr/bin/env bash
# Builds the source distribution and the wheel of this directory into dist/, and checks both. `PYTHON`: the Python to build with.
# The tools live in .venv/release, since their pins are not those of the tests.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/release/bin
if [ ! -e .venv/release/done ] || [ requirements-release.txt -nt .venv/release/done ]; then
  "${PYTHON:-python3}" -m venv .venv/release
  $bin/pip install --quiet --disable-pip-version-check -r requirements-release.txt
  touch .venv/release/done
fi
rm -rf dist build
$bin/python -m build --no-isolation >/dev/null
$bin/twine check --strict dist/*
$bin/check-wheel-contents dist/*.whl
ls dist
