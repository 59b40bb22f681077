#!/usr/bin/env bash
# Builds tokend as a single file, dist/tokend.pyz: with all extras, all plug-ins of plugins/ and the pinned versions of
# their packages. Beside it, dist/tokend.cdx.json lists what it holds, in CycloneDX. `PYTHON`: the Python to build with,
# and the only version of Python that the file runs with, since some of its packages are compiled.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/release_tools.sh
place=build/pyz
pip=("$bin/pip" --quiet --disable-pip-version-check)
clean() { rm -rf build/lib build/bdist.* plugins/*/build; } # what pip leaves, and would pack again
clean
trap clean EXIT
rm -rf $place
mkdir -p dist
"${pip[@]}" wheel --no-deps --no-build-isolation --wheel-dir $place/wheels . ./plugins/tokend-*
extras=$("$bin/python" -c 'import sys, tomllib; print(*tomllib.load(sys.stdin.buffer)["project"]["optional-dependencies"], sep=",")' <pyproject.toml)
"$bin/python" -m venv --without-pip $place/environment
"${pip[@]}" --python $place/environment/bin/python install --constraint requirements-dev.txt \
  "$(ls $place/wheels/tokend-[0-9]*.whl)[$extras]" $place/wheels/tokend_*.whl
find $place/environment -name direct_url.json -delete # it would say where on this machine a package was built
version=$("$bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
"$bin/shiv" --reproducible --console-script tokend --python "/usr/bin/env python$version" --output-file dist/tokend.pyz \
  --site-packages $place/environment/lib/python"$version"/site-packages >/dev/null
"$bin/cyclonedx-py" environment --output-reproducible --output-file dist/tokend.cdx.json $place/environment
ls dist
