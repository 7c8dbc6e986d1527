#!/bin/sh
# Fetches OpenSearch, for tests, by Maven, unmodified, at the version that test/opensearch/pom.xml names, and compiles what starts
# one node of it. Takes half a minute and 44 MB, once a version. It runs on Java 17 and newer.
#   tools/opensearch.sh [DIRECTORY]      default: .cache/opensearch of this repository, or $SALLYPORT_OPENSEARCH
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-${SALLYPORT_OPENSEARCH:-$root/.cache/opensearch}}
version=$(sed -n 's#^ *<version>\([0-9][0-9]*\.[0-9.]*\)</version>.*#\1#p' "$root/test/opensearch/pom.xml" | head -n 1)
[ -d "$target/opensearch-$version" ] && exit 0
for program in mvn javac; do
  command -v "$program" >/dev/null 2>&1 || { echo "OpenSearch is fetched by Maven and started by Java; $program is not there." >&2; exit 1; }
done
mkdir -p "$target"
here=$(mktemp -d "$target/fetching.XXXXXX")
trap 'rm -rf "$here"' EXIT
mvn -q -B -f "$root/test/opensearch/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$here/all"
javac -cp "$here/all/*" -d "$here/all" "$root/test/opensearch/rig/OneNode.java"
mv "$here/all" "$target/opensearch-$version"
