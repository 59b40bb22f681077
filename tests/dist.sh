#!/usr/bin/env bash
# Builds the source distribution and the wheel of this directory into dist/, and checks both. `PYTHON`: the Python to build with.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/release_tools.sh
rm -rf dist build/lib build/bdist.*
"$bin/python" -m build --no-isolation >/dev/null
"$bin/twine" check --strict dist/*
"$bin/check-wheel-contents" dist/*.whl
ls dist
