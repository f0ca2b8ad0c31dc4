#!/bin/sh
# Makes sure that the toolchains of the reference tasks are there: Python with pytest, Go, Rust,
# and Java with Maven and what Maven builds with. Installs what is missing where this user may;
# names it otherwise. Never fails: tasks that cannot run say so themselves.
set -u
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
  as_root="sudo -n"
else
  as_root="none"
fi
log=$(mktemp)

has_pytest() { python3 -m pytest --version >/dev/null 2>&1; }

# need PACKAGES WHAT: asks for Debian packages because WHAT is missing.
packages=""
need() {
  packages="$packages $1"
  echo "missing: $2" >&2
}
has_pytest || need "python3 python3-pytest" "Python 3 with pytest"
command -v go >/dev/null 2>&1 || need golang-go "Go"
command -v cargo >/dev/null 2>&1 || need "cargo rustc" "Rust (cargo)"
command -v javac >/dev/null 2>&1 || need default-jdk-headless "a Java development kit (javac)"
command -v mvn >/dev/null 2>&1 || need maven "Maven (mvn)"

if [ -n "$packages" ]; then
  if [ "$as_root" = none ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "These cannot be installed by this user: apt-get install$packages" >&2
  else
    echo "Installing$packages …"
    # shellcheck disable=SC2086 -- words on purpose
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends $packages >"$log" 2>&1 ||
      { $as_root apt-get update >"$log" 2>&1 && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends $packages >>"$log" 2>&1; } ||
      cat "$log" >&2
  fi
fi

# Maven loads its plugins when a project first names them; a box has no network, so a build here
# brings them into this user's ~/.m2, as the user's own first build does.
if command -v mvn >/dev/null 2>&1; then
  trial=$(mktemp -d)
  cp -R evals/projects/rooms/. "$trial"
  if ! mvn -o -q -B -f "$trial/pom.xml" test >"$log" 2>&1; then
    echo "Loading what Maven builds with …"
    mvn -q -B -f "$trial/pom.xml" test >"$log" 2>&1 || cat "$log" >&2
  fi
  rm -rf "$trial"
fi
rm -f "$log"
exit 0
