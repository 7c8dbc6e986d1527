#!/bin/sh
# Builds Versity's S3 gateway, an object store for tests that keeps files in a folder and knows checksums, versions and object
# lock, by Go and its module proxy, unmodified, at the version that test/objects/rig/go.mod names. Takes a minute on two cores
# and 45 MB, once a version.
#   tools/versitygw.sh [DIRECTORY]      default: .cache/objects of this repository, or $SALLYPORT_OBJECTS
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-${SALLYPORT_OBJECTS:-$root/.cache/objects}}
module=github.com/versity/versitygw
version=$(sed -n "s#^.*$module \(v[0-9.]*\).*#\1#p" "$root/test/objects/rig/go.mod" | head -n 1)
program=$target/bin/versitygw-$version
[ -x "$program" ] && exit 0
command -v go >/dev/null 2>&1 || { echo "Versity's S3 gateway is built by Go, which is not there." >&2; exit 1; }
mkdir -p "$target/bin"
cd "$root/test/objects/rig"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -p 2 -ldflags '-s -w' -o "$program.$$" "$module/cmd/versitygw"
mv "$program.$$" "$program"
