#!/bin/sh
# Makes sure that the programs of PostgreSQL 15 or newer are there, without a server of the system:
# the tests start their own. Says what is missing when this user may not install.
set -eu
minimum=15

has_postgres() {
  for bin in /usr/lib/postgresql/*/bin; do
    [ -x "$bin/postgres" ] && [ -x "$bin/initdb" ] || continue
    version=${bin#/usr/lib/postgresql/}
    [ "${version%%/*}" -ge "$minimum" ] 2>/dev/null && return 0
  done
  command -v postgres >/dev/null 2>&1 && command -v initdb >/dev/null 2>&1 &&
    [ "$(postgres --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge "$minimum" ]
}

fail() {
  echo "$1" >&2
  exit 1
}

has_postgres && exit 0
command -v apt-get >/dev/null 2>&1 ||
  fail "PostgreSQL $minimum or newer is missing and there is no apt-get: install its server programs (initdb, postgres)."
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
  as_root="sudo -n"
else
  fail "PostgreSQL $minimum or newer is missing and cannot be installed by this user: ask for 'apt-get install postgresql'."
fi
echo "Installing PostgreSQL …"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
get() {
  # Whatever starts services at their installation is told not to.
  $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 \
    install -y --no-install-recommends "$@" >>"$log" 2>&1
}
{ get postgresql-common || { $as_root apt-get update >>"$log" 2>&1 && get postgresql-common; }; } ||
  { cat "$log" >&2; fail "postgresql-common could not be installed."; }
# Without this the package makes a cluster "main" and a service that starts it.
config=/etc/postgresql-common/createcluster.conf
if ! grep -q '^create_main_cluster *= *false' "$config" 2>/dev/null; then
  echo "create_main_cluster = false" | $as_root tee -a "$config" >/dev/null
fi
get postgresql || { cat "$log" >&2; fail "PostgreSQL could not be installed."; }
has_postgres || fail "The PostgreSQL of this system is older than $minimum: install a newer one."
