#!/bin/sh
# Installs the opa of this version into the user's cache folder, built from its Go module. Where Go
# is missing or older than opa needs, Debian's golang and a newer toolchain from the Go module proxy
# are brought in. Says what is missing when it cannot.
set -eu
version=$1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/ossaat-tools
folder=$cache/opa-$version
# Go that builds this opa, and the first Go that can bring a newer one by itself.
toolchain=1.26.0
min_minor=21

[ -x "$folder/opa" ] && "$folder/opa" version 2>/dev/null | grep -q "^Version: $version\$" && exit 0

fail() {
  echo "opa $version cannot be installed: $1" >&2
  exit 1
}

find_go() {
  for candidate in go /usr/local/go/bin/go /usr/lib/go/bin/go; do
    command -v "$candidate" >/dev/null 2>&1 && command -v "$candidate" && return 0
  done
  return 1
}

install_go() {
  command -v apt-get >/dev/null 2>&1 || fail "Go is missing and there is no apt-get: install Go $toolchain or newer."
  if [ "$(id -u)" = 0 ]; then
    as_root=""
  elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
    as_root="sudo -n"
  else
    fail "Go is missing and this user may install nothing: ask for Go $toolchain or newer."
  fi
  echo "Installing Go …"
  log=$(mktemp)
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends golang-go ca-certificates >"$log" 2>&1 ||
    { $as_root apt-get update >"$log" 2>&1 && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends golang-go ca-certificates >>"$log" 2>&1; } ||
    { cat "$log" >&2; fail "Go could not be installed."; }
  rm -f "$log"
}

# A Go before 1.21 cannot change its version by itself; the toolchain is a module it can fetch.
fetch_toolchain() {
  old=$1
  case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64 | arm64) arch=arm64 ;;
  *) fail "there is no Go $toolchain for $(uname -m) here: install Go $toolchain or newer." ;;
  esac
  echo "Fetching Go $toolchain …"
  found=$(cd "$work" && GOFLAGS=-modcacherw GOPATH="$work/gopath" "$old" mod download -json \
    "golang.org/toolchain@v0.0.1-go$toolchain.linux-$arch") ||
    fail "the Go module proxy did not give Go $toolchain."
  root=$(printf '%s\n' "$found" | sed -n 's/^[[:space:]]*"Dir": "\(.*\)",\{0,1\}$/\1/p')
  # Modules come without the executable bit.
  chmod -R u+x "$root/bin" "$root/pkg/tool"
  go=$root/bin/go
}

go=$(find_go) || { install_go; go=$(find_go) || fail "Go was installed and is not found."; }
work=$(mktemp -d)
trap 'chmod -R u+w "$work" 2>/dev/null || true; rm -rf "$work"' EXIT
minor=$("$go" env GOVERSION | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
[ "${minor:-0}" -ge "$min_minor" ] || fetch_toolchain "$go"
mkdir -p "$folder"
echo "Building opa $version, which takes some minutes the first time …"
log=$work/log
# A proxy, a checksum database or a build cache of the machine's own stay as they are.
if ! (cd "$work" && GOTOOLCHAIN=auto GOFLAGS= GOBIN="$work/bin" CGO_ENABLED=0 \
  "$go" install -trimpath -ldflags "-s -w" "github.com/open-policy-agent/opa@v$version") >"$log" 2>&1; then
  tail -20 "$log" >&2
  fail "go install did not end well."
fi
mv "$work/bin/opa" "$folder/opa"
"$folder/opa" version | grep -q "^Version: $version\$" || fail "the opa that was built is not $version."
