#!/usr/bin/env bash
# Prints the build arguments of the Dockerfile, a line each: what the image's labels say of this checkout.
set -euo pipefail
cd "$(dirname "$0")/.."
echo "VERSION=$(sed -n 's/^__version__ = "\(.*\)"/\1/p' tokend/__init__.py)"
echo "REVISION=$(git rev-parse HEAD 2>/dev/null || true)"
echo "CREATED=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
echo "SOURCE=${SOURCE:-}"
