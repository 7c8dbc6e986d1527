#!/bin/sh
# Fetches PostgreSQL's own regression statements from Debian's source package into .cache/regress, for
# src/language/sql/regress.test.ts. Says so and goes on where they cannot be had; the tests then skip.
set -eu
[ -d .cache/regress/sql ] && exit 0
if ! command -v apt-get >/dev/null 2>&1 || ! [ -r /etc/os-release ]; then
  echo "PostgreSQL's regression statements are not here and cannot be fetched; their tests skip." >&2
  exit 0
fi
# shellcheck disable=SC1091
. /etc/os-release
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
mkdir -p "$here/lists/partial" "$here/source" .cache
# A list of its own, so that the machine's is left as it is.
signed=""
[ -f /usr/share/keyrings/debian-archive-keyring.gpg ] && signed="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
echo "deb-src ${signed}http://deb.debian.org/debian ${VERSION_CODENAME:-bookworm} main" > "$here/sources.list"
fetch() {
  options="-o Dir::Etc::sourcelist=$here/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$here/lists"
  # shellcheck disable=SC2086
  apt-get $options -qq update >/dev/null 2>&1 &&
    (cd "$here/source" && apt-get $options -qq source --download-only postgresql-15 >/dev/null 2>&1) &&
    mkdir "$here/regress" &&
    tar -xjf "$here"/source/postgresql-15_*.orig.tar.bz2 -C "$here/regress" --strip-components=4 \
      --wildcards '*/src/test/regress/sql' '*/src/test/regress/data' &&
    mv "$here/regress" .cache/regress
}
fetch || echo "PostgreSQL's regression statements could not be fetched; their tests skip." >&2
