#!/bin/sh
# Makes sure that a folder tree of Debian 13 with RabbitMQ 4 is in the user's cache folder: most people run
# that series, and it does not stand beside an older one in one system. Nothing in the tree is started here.
# A second run looks at nothing but the cache.
set -eu
tools=${XDG_CACHE_HOME:-$HOME/.cache}/ossaat-tools
tree=$tools/rabbitmq-4

fail() {
  echo "RabbitMQ 4 cannot be made ready: $1" >&2
  exit 1
}

[ ! -x "$tree/usr/lib/rabbitmq/bin/rabbitmq-server" ] || exit 0
command -v apt-get >/dev/null 2>&1 || fail "there is no apt-get, which it is installed with."
[ "$(id -u)" = 0 ] || fail "only root can make the tree: run it as root once, or copy $tree from another machine."
log=$(mktemp)
making=$tree.making
trap 'rm -rf "$log" "$making"' EXIT
if ! command -v mmdebstrap >/dev/null 2>&1; then
  echo "Installing mmdebstrap …"
  get() {
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends mmdebstrap \
      >>"$log" 2>&1
  }
  { get || { apt-get update >>"$log" 2>&1 && get; }; } || { cat "$log" >&2; fail "mmdebstrap could not be installed."; }
fi
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v -e security -e updates | head -n 1)
[ -n "$mirror" ] || fail "this system names no mirror of Debian."
echo "Installing RabbitMQ 4 …"
mkdir -p "$tools"
rm -rf "$making"
mmdebstrap --mode=root --variant=essential --include=rabbitmq-server trixie "$making" "deb $mirror trixie main" \
  >>"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "the packages of Debian 13 could not be installed."; }
rm -rf "$tree"
mv "$making" "$tree"
