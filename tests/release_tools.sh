# Sourced by the scripts of a release. `bin`: the programs of requirements-release.txt, installed if they are not there.
# `PYTHON`: the Python to build with. `RELEASE_TOOLS`: where they live, by default an environment of their own in .venv,
# since their pins are not those of the tests.
tools=${RELEASE_TOOLS:-$PWD/.venv/release}
bin=$tools/bin
if [ ! -e "$tools/done" ] || [ requirements-release.txt -nt "$tools/done" ]; then
  "${PYTHON:-python3}" -m venv --clear "$tools"
  "$bin/pip" install --quiet --disable-pip-version-check -r requirements-release.txt
  touch "$tools/done"
fi
