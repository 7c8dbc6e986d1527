#!/bin/sh
# Builds Pebble, Let's Encrypt's ACME server for tests, by Go and its module proxy, unmodified, at the version that
# test/acme/rig/go.mod names. Takes a quarter of a minute and 12 MB, once a version.
#   tools/pebble.sh [DIRECTORY]      default: .cache/acme of this repository, or $SALLYPORT_ACME
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-${SALLYPORT_ACME:-$root/.cache/acme}}
module=github.com/letsencrypt/pebble/v2
version=$(sed -n "s#^.*$module \(v[0-9.]*\).*#\1#p" "$root/test/acme/rig/go.mod" | head -n 1)
program=$target/bin/pebble-$version
[ -x "$program" ] && exit 0
command -v go >/dev/null 2>&1 || { echo "Pebble is built by Go, which is not there." >&2; exit 1; }
mkdir -p "$target/bin"
cd "$root/test/acme/rig"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -p 2 -ldflags '-s -w' -o "$program.$$" "$module/cmd/pebble"
mv "$program.$$" "$program"
