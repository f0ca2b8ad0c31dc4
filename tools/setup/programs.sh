#!/bin/sh
# Makes sure that the named programs are there, where this user may install them; PACKAGE:PROGRAM
# where a package has another name. Never fails: what cannot run without its program says so itself.
set -u
missing=""
for word in "$@"; do
  command -v "${word#*:}" >/dev/null 2>&1 || missing="$missing ${word%%:*}"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
  as_root="sudo -n"
else
  echo "Missing and not installable by this user: ask for 'apt-get install$missing' (or your system's equal)." >&2
  exit 0
fi
echo "Installing$missing …"
log=$(mktemp)
if command -v apt-get >/dev/null 2>&1; then
  # shellcheck disable=SC2086 -- a list of words
  DEBIAN_FRONTEND=noninteractive $as_root apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing >"$log" 2>&1 ||
    { $as_root apt-get update >"$log" 2>&1 && DEBIAN_FRONTEND=noninteractive $as_root apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends $missing >>"$log" 2>&1; }
elif command -v dnf >/dev/null 2>&1; then
  $as_root dnf install -y $missing >"$log" 2>&1
elif command -v apk >/dev/null 2>&1; then
  $as_root apk add $missing >"$log" 2>&1
elif command -v pacman >/dev/null 2>&1; then
  $as_root pacman -S --noconfirm $missing >"$log" 2>&1
elif command -v zypper >/dev/null 2>&1; then
  $as_root zypper --non-interactive install $missing >"$log" 2>&1
fi
for word in "$@"; do
  command -v "${word#*:}" >/dev/null 2>&1 || { cat "$log" >&2; echo "${word%%:*} could not be installed." >&2; }
done
rm -f "$log"
exit 0
