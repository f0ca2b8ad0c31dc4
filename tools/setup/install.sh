#!/bin/sh
# Installs pnpm into .tools and the locked dependencies, Node 24 among them, into node_modules.
# Needs git, make and a Node with npm, version 20 or newer.
set -eu
version=$1
if ! command -v npm >/dev/null 2>&1; then
  echo "npm was not found: install Node 20 or newer, which brings it." >&2
  exit 1
fi
major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 20 ]; then
  echo "Node $major is too old: install Node 20 or newer." >&2
  exit 1
fi
mkdir -p .tools
log=.tools/install.log
pnpm=.tools/node_modules/.bin/pnpm
if [ "$("$pnpm" --version 2>/dev/null || true)" != "$version" ]; then
  echo "Installing pnpm $version …"
  if ! npm install --prefix .tools --no-save --no-audit --no-fund --loglevel=error "pnpm@$version" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
  fi
fi
echo "Installing dependencies …"
if ! "$pnpm" install --frozen-lockfile --reporter=append-only >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
if ! node_modules/.bin/node --version >/dev/null 2>&1; then
  echo "Node 24 for this machine ($(uname -s) $(uname -m)) is not among the dependencies: use Linux on x86-64 or arm64." >&2
  exit 1
fi
