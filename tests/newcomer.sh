#!/usr/bin/env bash
# Clones this commit into an empty directory, with an empty HOME and no venv, and does what the README says first:
# `make run`, then the curl line that it prints. Ends with a line that says whether a token came back.
set -euo pipefail
source=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
place=$(mktemp -d)
server=""
finish() {
  [ -z "$server" ] || kill -TERM -- "-$server" 2>/dev/null || true
  rm -rf "$place"
}
trap finish EXIT

mkdir "$place/home"
export HOME="$place/home"
git clone --quiet "$source" "$place/tokend"
cd "$place/tokend"
set -m
SERVER_PORT=18080 make run >"$place/out" 2>"$place/err" &
server=$!
set +m
for _ in $(seq 240); do
  grep -q '^Try:' "$place/out" && break
  kill -0 "$server" 2>/dev/null || { echo "make run ended:"; cat "$place/out" "$place/err"; exit 1; }
  sleep 0.5
done
cat "$place/out"
command=$(sed -n 's/^Try: *//p' "$place/out")
answer=$($command --silent)
echo "$answer"
case "$answer" in
  *'"rtcToken":"007'*) echo "newcomer: a token came back" ;;
  *) echo "newcomer: no token"; cat "$place/err"; exit 1 ;;
esac
[ "$(git status --porcelain)" = "" ] || { echo "newcomer: make run left files that git sees"; git status --short; exit 1; }
