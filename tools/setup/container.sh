#!/bin/sh
# Makes sure that a container engine is there, where this user may install one. It starts none, and
# never fails: what cannot run without an engine says so itself.
set -u
command -v dockerd >/dev/null 2>&1 && command -v docker >/dev/null 2>&1 && exit 0
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
  echo "docker is missing and cannot be installed here: the container driver is attacked only where it is." >&2
  exit 0
fi
echo "Installing docker …"
log=$(mktemp)
install="apt-get install -y --no-install-recommends docker.io"
# Whatever starts services at their installation is told not to.
export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
$install >"$log" 2>&1 || { apt-get update >"$log" 2>&1 && $install >>"$log" 2>&1; }
if ! command -v dockerd >/dev/null 2>&1; then
  cat "$log" >&2
  echo "docker could not be installed." >&2
fi
rm -f "$log"
exit 0
