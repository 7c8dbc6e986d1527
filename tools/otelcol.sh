#!/bin/sh
# Builds an OpenTelemetry collector for tests, by Go and its module proxy, of the collector's own parts as published, at the
# versions that test/otel/rig/go.mod names. Takes a minute on two cores and 28 MB, once a version.
#   tools/otelcol.sh [DIRECTORY]      default: .cache/otel of this repository, or $SALLYPORT_OTEL
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-${SALLYPORT_OTEL:-$root/.cache/otel}}
version=$(sed -n 's#^.*go.opentelemetry.io/collector/otelcol \(v[0-9.]*\).*#\1#p' "$root/test/otel/rig/go.mod" | head -n 1)
program=$target/bin/collector-$version
[ -x "$program" ] && exit 0
command -v go >/dev/null 2>&1 || { echo "The OpenTelemetry collector is built by Go, which is not there." >&2; exit 1; }
mkdir -p "$target/bin"
cd "$root/test/otel/rig"
CGO_ENABLED=0 go build -trimpath -buildvcs=false -p 2 -ldflags '-s -w' -o "$program.$$" .
mv "$program.$$" "$program"
