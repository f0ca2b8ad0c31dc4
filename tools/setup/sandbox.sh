#!/bin/sh
# Makes sure that bubblewrap is there, where this user may install it. Never fails: what cannot
# run without a sandbox says so itself.
set -u
command -v bwrap >/dev/null 2>&1 && exit 0
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
  as_root="sudo -n"
else
  echo "bubblewrap is missing and cannot be installed by this user: ask for 'apt-get install bubblewrap' (or your system's equal)." >&2
  exit 0
fi
echo "Installing bubblewrap …"
log=$(mktemp)
if command -v apt-get >/dev/null 2>&1; then
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends bubblewrap >"$log" 2>&1 ||
    { $as_root apt-get update >"$log" 2>&1 && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y --no-install-recommends bubblewrap >>"$log" 2>&1; }
elif command -v dnf >/dev/null 2>&1; then
  $as_root dnf install -y bubblewrap >"$log" 2>&1
elif command -v apk >/dev/null 2>&1; then
  $as_root apk add bubblewrap >"$log" 2>&1
elif command -v pacman >/dev/null 2>&1; then
  $as_root pacman -S --noconfirm bubblewrap >"$log" 2>&1
elif command -v zypper >/dev/null 2>&1; then
  $as_root zypper --non-interactive install bubblewrap >"$log" 2>&1
fi
if ! command -v bwrap >/dev/null 2>&1; then
  cat "$log" >&2
  echo "bubblewrap could not be installed." >&2
fi
rm -f "$log"
exit 0
