#!/usr/bin/env bash
# Runs the unit tests with each Python of VERSIONS that is on PATH or among pyenv's, each in an environment of its own
# below build/matrix/. Options go to pytest. Prints which Pythons were found and which are missing; fails if a found one
# fails, or if none is found.
set -euo pipefail
cd "$(dirname "$0")/.."
versions=${VERSIONS:-3.11 3.12 3.13 3.14}

# python_of VERSION: a Python that runs and is this version. A shim of pyenv may be on PATH and not run.
python_of() {
  local candidate
  for candidate in $(type -ap "python$1") "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python3; do
    if [ "$("$candidate" -c 'import sys, ensurepip; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ]; then
      echo "$candidate"
      return
    fi
  done
}

# tests VERSION PYTHON OPTION…: installs what the tests need, once for each change of the pins, and runs them.
tests() {
  local place=build/matrix/$1 python=$2 plugin
  shift 2
  if [ ! -e "$place/done" ] || [ -n "$(find requirements*.txt pyproject.toml plugins/*/pyproject.toml -newer "$place/done")" ]; then
    rm -rf "$place"
    "$python" -m venv "$place" || return
    local pip=("$place/bin/pip" install --quiet --disable-pip-version-check)
    "${pip[@]}" -r requirements-dev.txt -r requirements-vendors.txt || return
    local editable=(-e .)
    for plugin in plugins/*/; do editable+=(-e "./$plugin"); done
    "${pip[@]}" --no-deps "${editable[@]}" || return
    touch "$place/done"
  fi
  "$place/bin/python" -m pytest tests/unit -n 2 --dist loadgroup "$@"
}

passed=() failed=() missing=()
for version in $versions; do
  python=$(python_of "$version")
  if [ -z "$python" ]; then
    missing+=("$version")
    continue
  fi
  echo "matrix: Python $version is $python"
  if tests "$version" "$python" "$@"; then passed+=("$version"); else failed+=("$version"); fi
done
echo "matrix: passed: ${passed[*]:-none}; failed: ${failed[*]:-none}; not on this machine: ${missing[*]:-none}"
[ ${#failed[@]} = 0 ] && [ ${#passed[@]} != 0 ]
