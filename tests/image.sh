#!/usr/bin/env bash
# Builds the unchanged Dockerfile with buildah, and checks its labels, its size, its list of packages, and that pip is gone.
# Then it starts the result as its users would: from the environment alone, then with the shipped config.yaml mounted, unchanged.
# On Debian the base image is a stand-in made with debootstrap, since there may be no registry to pull from. Needs root.
set -euo pipefail
here=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
base=$(sed -n 's/^FROM \([^ ]*\).*/\1/p' "$here/Dockerfile" | head -n 1)
place=$(mktemp -d)
export BUILDAH_ISOLATION=chroot
store=(--storage-driver vfs --root "$place/store" --runroot "$place/run")
container=""
servers=()
finish() {
  [ ${#servers[@]} = 0 ] || { kill "${servers[@]}" && wait "${servers[@]}"; } 2>/dev/null || true
  [ -z "$container" ] || buildah "${store[@]}" rm "$container" >/dev/null 2>&1 || true
  rm -rf "$place"
}
trap finish EXIT

command -v buildah >/dev/null || { apt-get update -qq; apt-get install -y -qq buildah >/dev/null; }
if [ "$(. /etc/os-release; echo "$ID")" = debian ]; then
  command -v debootstrap >/dev/null || { apt-get update -qq; apt-get install -y -qq debootstrap >/dev/null; }
  sources=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null || true)
  mirror=$(sed -n 's/^URIs: *//p; s/^deb \(\[[^]]*\] \)\{0,1\}\([^ ]*\).*/\2/p' <<<"$sources" | head -n 1)
  debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates trixie "$place/base" "$mirror" >"$place/log" 2>&1 ||
    { tail "$place/log"; exit 1; }
  ln -s /usr/bin/python3 "$place/base/usr/local/bin/python"
  version=$(chroot "$place/base" python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  [ "$base" = "python:$version-slim" ] || { echo "image: the stand-in for $base has Python $version"; exit 1; }
  scratch=$(buildah "${store[@]}" from scratch)
  buildah "${store[@]}" copy --quiet "$scratch" "$place/base" / >/dev/null
  buildah "${store[@]}" commit --quiet --rm "$scratch" "docker.io/library/$base" >/dev/null
else
  buildah "${store[@]}" pull --quiet "docker.io/library/$base" >/dev/null
fi
beneath=$(buildah "${store[@]}" mount "$(buildah "${store[@]}" from --pull-never "$base")")

# pip inside the build finds the index where pip outside does
settings=()
for file in /etc/pip.conf /etc/xdg/pip /etc/ssl/certs "$HOME/.config/pip/pip.conf"; do
  [ ! -e "$file" ] || settings+=(--volume "$file:${file/#$HOME//root}:ro")
done
mapfile -t labels < <(bash "$here/tests/labels.sh")
buildah "${store[@]}" bud --pull-never --network host "${settings[@]}" "${labels[@]/#/--build-arg=}" -t tokend "$here" >"$place/log" 2>&1 || { tail -n 30 "$place/log"; exit 1; }

buildah "${store[@]}" inspect --type image tokend >"$place/inspect.json"
! grep -aE 'CERTIFICATE=|DEMO_' "$place/inspect.json" || { echo "image: a secret's name is in its configuration"; exit 1; }
container=$(buildah "${store[@]}" from --pull-never tokend)
root=$(buildah "${store[@]}" mount "$container")
[ ! -e "$root/etc/tokend/.env" ] && [ ! -e "$root/src" ] || { echo "image: it holds files of the build"; exit 1; }
for label in "org.opencontainers.image.${labels[0]/VERSION/version}" "org.opencontainers.image.${labels[1]/REVISION/revision}"; do
  grep -qF "\"${label/=/\": \"}\"" "$place/inspect.json" || { echo "image: it has no label $label"; exit 1; }
done

# what the image adds to its base, in the bytes of its files
bytes() { du --summarize --bytes --one-file-system "$1" | cut -f 1; }
added=$(($(bytes "$root") - $(bytes "$beneath")))
echo "image: $((added / 1000000)) MB above its base"
((added <= 70000000)) || { echo "image: at most 70 MB are allowed"; exit 1; }
pip=$(find "$root/opt" "$root/usr/local" -path '*-packages/pip*' -prune -o -name 'pip[0-9.]*' -o -name pip -o -name ensurepip)
[ -z "$pip" ] || { echo "image: pip is inside: $pip"; exit 1; }
packages=$(chroot "$root" /opt/tokend/bin/python -c '
import importlib.metadata, json
listed = {(part["name"], part["version"]) for part in json.load(open("/opt/tokend/sbom.cdx.json"))["components"]}
installed = {(found.name, found.version) for found in importlib.metadata.distributions() if "/opt/tokend/" in str(found.locate_file(""))}
assert installed and installed == listed, installed ^ listed
print(len(listed))')
echo "image: its SBOM lists all $packages packages"
user=$(buildah "${store[@]}" run "$container" -- id -un)
[ "$user" = tokend ] || { echo "image: it runs as $user"; exit 1; }

packages=$(buildah "${store[@]}" run "$container" -- tokend plugins | grep -c "tokend-") || { echo "image: it has no plug-ins"; exit 1; }
echo "image: $packages plug-ins of further vendors"

# serve NAME PORT OPTION…: starts the image with these options of `buildah run`; a token has to come back.
serve() {
  local name=$1 port=$2 command
  shift 2
  buildah "${store[@]}" run --network host --env PORT="$port" "$@" "$container" -- tokend serve >"$place/$name.out" 2>"$place/$name.err" &
  servers+=($!)
  for _ in $(seq 40); do grep -q '^Try:' "$place/$name.out" && break; sleep 0.25; done
  cat "$place/$name.out"
  buildah "${store[@]}" run --network host --env PORT="$port" "$container" -- tokend health
  ss -Hltn | grep -q "0\.0\.0\.0:$port " || { echo "image: $name listens where nothing outside the container reaches it"; exit 1; }
  command=$(sed -n 's/^Try: *//p' "$place/$name.out")
  case "$($command --silent)" in
    *'"rtcToken":"007'*) echo "image: a token came back, $name, as user $user" ;;
    *) cat "$place/$name.err"; exit 1 ;;
  esac
}

demo=970CA35de60c44645bbae8a215061b33
secret=5CFd2fd1755d40ecb72977518be15d3b
serve environment 18081 --env APP_ID=$demo --env APP_CERTIFICATE=$secret
serve file 18082 --env DEMO_APP_ID=$demo --env DEMO_APP_CERTIFICATE=$secret --volume "$here/config.yaml:/etc/tokend/config.yaml:ro"
