#!/bin/sh
# Makes sure that the package managers are there whose way through a box's proxy is tested, where
# this user may install one. Never fails: what cannot run without them says so itself.
set -u
/usr/bin/python3 -c 'import pip' >/dev/null 2>&1 && exit 0
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
  echo "pip is missing and cannot be installed here: installing by it is tested only where it is." >&2
  exit 0
fi
echo "Installing pip …"
log=$(mktemp)
install="apt-get install -y --no-install-recommends python3-pip"
export DEBIAN_FRONTEND=noninteractive
$install >"$log" 2>&1 || { apt-get update >"$log" 2>&1 && $install >>"$log" 2>&1; }
if ! /usr/bin/python3 -c 'import pip' >/dev/null 2>&1; then
  cat "$log" >&2
  echo "pip could not be installed." >&2
fi
rm -f "$log"
exit 0
