#!/bin/sh
# Makes sure that the programs of RabbitMQ 3.10 or newer are there, without a server of the system:
# the tests start their own. Says what is missing when this user may not install.
set -eu
minimum_minor=10

has_rabbitmq() {
  command -v epmd >/dev/null 2>&1 && [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || return 1
  for folder in /usr/lib/rabbitmq/lib/rabbitmq_server-*; do
    version=${folder##*-}
    major=${version%%.*}
    rest=${version#*.}
    [ "$major" -gt 3 ] 2>/dev/null && return 0
    [ "$major" -eq 3 ] 2>/dev/null && [ "${rest%%.*}" -ge "$minimum_minor" ] 2>/dev/null && return 0
  done
  return 1
}

fail() {
  echo "$1" >&2
  exit 1
}

has_rabbitmq && exit 0
command -v apt-get >/dev/null 2>&1 ||
  fail "RabbitMQ 3.$minimum_minor or newer is missing and there is no apt-get: install it below /usr/lib/rabbitmq, with epmd of Erlang."
if [ "$(id -u)" = 0 ]; then
  as_root=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
  as_root="sudo -n"
else
  fail "RabbitMQ 3.$minimum_minor or newer is missing and cannot be installed by this user: ask for 'apt-get install rabbitmq-server'."
fi
echo "Installing RabbitMQ …"
log=$(mktemp)
# The package starts its service when nothing forbids it; this file forbids it, and goes again.
policy=/usr/sbin/policy-rc.d
made_policy=""
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
  $as_root chmod 755 "$policy"
  made_policy=yes
fi
clean_up() {
  [ -z "$made_policy" ] || $as_root rm -f "$policy"
  rm -f "$log"
}
trap clean_up EXIT
get() {
  $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get -o DPkg::Lock::Timeout=300 \
    install -y --no-install-recommends rabbitmq-server >>"$log" 2>&1
}
{ get || { $as_root apt-get update >>"$log" 2>&1 && get; }; } ||
  { cat "$log" >&2; fail "RabbitMQ could not be installed."; }
if [ -d /run/systemd/system ]; then
  $as_root systemctl disable rabbitmq-server epmd.socket >>"$log" 2>&1 || true
fi
has_rabbitmq || fail "The RabbitMQ of this system is older than 3.$minimum_minor: install a newer one."
