#!/bin/sh
# Makes sure that the programs of an Apache Kafka broker are in the user's cache folder: its jars by
# Maven, a Java 17 or newer to run them, and an archive of loaded classes that halves its start. A
# second run looks at nothing but the cache. Says what is missing when this user may not install.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
minimum=17
version=$(sed -n '/kafka_2.13/{n;s/.*<version>\(.*\)<.*/\1/p;}' "$here/kafka-pom.xml")
tools=${XDG_CACHE_HOME:-$HOME/.cache}/ossaat-tools
folder=$tools/kafka-$version

fail() {
  echo "Kafka $version cannot be made ready: $1" >&2
  exit 1
}

is_new_enough() {
  major=$("$1" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') && [ "${major:-0}" -ge "$minimum" ]
}

find_java() {
  for candidate in "${JAVA_HOME:-/nowhere}/bin/java" "$(command -v java || echo /nowhere)" /usr/lib/jvm/*/bin/java; do
    [ -x "$candidate" ] && is_new_enough "$candidate" && readlink -f "$candidate" && return 0
  done
  return 1
}

# Installs the first of the packages that this system has.
install_one() {
  command -v apt-get >/dev/null 2>&1 || fail "$1 is missing and there is no apt-get."
  if [ "$(id -u)" = 0 ]; then
    as_root=""
  elif command -v sudo >/dev/null 2>&1 && sudo -n true >/dev/null 2>&1; then
    as_root="sudo -n"
  else
    fail "$1 is missing and this user may install nothing: ask for 'apt-get install $1'."
  fi
  echo "Installing $1 …"
  log=$(mktemp)
  get() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
      install -y --no-install-recommends "$1" >>"$log" 2>&1
  }
  for again in no yes; do
    [ $again = no ] || $as_root apt-get -o DPkg::Lock::Timeout=300 update >>"$log" 2>&1 || true
    for package in "$@"; do
      if get "$package"; then
        rm -f "$log"
        return 0
      fi
    done
  done
  cat "$log" >&2
  rm -f "$log"
  fail "$1 could not be installed."
}

# Every jar as it came, none missing: the list of their sums is written last.
has_jars() {
  [ -f "$folder/SHA256SUMS" ] && (cd "$folder/lib" && sha256sum --status --check ../SHA256SUMS)
}

fetch_jars() {
  command -v mvn >/dev/null 2>&1 || install_one maven
  echo "Fetching Kafka $version …"
  mkdir -p "$tools"
  work=$(mktemp -d "$tools/kafka-fetch-XXXXXX")
  trap 'rm -rf "$work"' EXIT
  cp "$here/kafka-pom.xml" "$work/pom.xml"
  # Strict: what does not match the checksum of its registry is not taken.
  JAVA_HOME=$(dirname "$(dirname "$java")") mvn -B -q -ntp -C -f "$work/pom.xml" \
    -Dmaven.repo.local="$work/repository" package || fail "Maven did not give its jars."
  ls "$work/lib/kafka_2.13-$version.jar" >/dev/null || fail "the server is not among its jars."
  rm -rf "$folder"
  mkdir "$folder"
  mv "$work/lib" "$folder/lib"
  (cd "$folder/lib" && sha256sum -- *.jar) >"$folder/SHA256SUMS.new"
  mv "$folder/SHA256SUMS.new" "$folder/SHA256SUMS"
}

java=$(find_java) || {
  install_one openjdk-17-jre-headless openjdk-21-jre-headless default-jre-headless
  java=$(find_java) || fail "the Java of this system is older than $minimum."
}
has_jars || fetch_jars
[ "$(readlink "$folder/java" 2>/dev/null)" = "$java" ] || {
  ln -sfn "$java" "$folder/java"
  rm -f "$folder/classes.jsa"
}
# Without the archive a broker starts too, but slower.
[ -f "$folder/classes.jsa" ] || "$here/../../node_modules/.bin/node" "$here/archive-kafka.ts" "$folder/classes.jsa" ||
  echo "The archive of classes could not be made; brokers start without it." >&2
