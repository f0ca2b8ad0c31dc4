#!/bin/sh
# Makes sure that the named programs, which tests use, are there, where this user may install them.
# Never fails: a test without its program is a skip with a reason.
set -u
missing=""
for name in "$@"; do
  command -v "$name" >/dev/null 2>&1 || missing="$missing $name"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
  as_root="sudo -n"
else
  echo "Missing and not installable by this user:$missing" >&2
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
for name in $missing; do
  command -v "$name" >/dev/null 2>&1 || { cat "$log" >&2; echo "$name could not be installed." >&2; }
done
rm -f "$log"
exit 0
