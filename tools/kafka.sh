#!/bin/sh
# Fetches Apache Kafka's broker, for tests, by Maven, unmodified, at the version that test/kafka/pom.xml names. Takes a few
# seconds and 43 MB, once a version. It runs on Java 17 and newer.
#   tools/kafka.sh [DIRECTORY]      default: .cache/kafka of this repository, or $SALLYPORT_KAFKA
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-${SALLYPORT_KAFKA:-$root/.cache/kafka}}
version=$(sed -n 's#^ *<version>\([0-9][0-9]*\.[0-9.]*\)</version>.*#\1#p' "$root/test/kafka/pom.xml" | head -n 1)
[ -d "$target/kafka-$version" ] && exit 0
command -v mvn >/dev/null 2>&1 || { echo "Kafka is fetched by Maven, which is not there." >&2; exit 1; }
mkdir -p "$target"
here=$(mktemp -d "$target/fetching.XXXXXX")
trap 'rm -rf "$here"' EXIT
mvn -q -B -f "$root/test/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$here/lib"
mv "$here/lib" "$target/kafka-$version"
