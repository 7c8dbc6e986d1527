#!/bin/sh
# Installs the Debian packages that tests need and that are missing: PostgreSQL with its clients, and what is named.
set -eu
need=""
[ -x /usr/lib/postgresql/15/bin/postgres ] || [ -n "$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null)" ] || need="postgresql"
command -v psql >/dev/null 2>&1 || need="$need postgresql-client"
command -v pgbench >/dev/null 2>&1 || need="$need postgresql-contrib"
command -v ip >/dev/null 2>&1 || [ -x /usr/sbin/ip ] || need="$need iproute2"
command -v python3 >/dev/null 2>&1 || need="$need python3"
for name in "$@"; do command -v "$name" >/dev/null 2>&1 || [ -x "/usr/sbin/$name" ] || need="$need $name"; done
[ -z "$need" ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "The tests need these Debian packages:$need. Install them and try again." >&2
  exit 1
fi
echo "installing:$need"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null
# The packaged cluster is not started: tests start servers of their own.
mkdir -p /etc/postgresql-common
[ -f /etc/postgresql-common/createcluster.conf ] || echo "create_main_cluster = false" > /etc/postgresql-common/createcluster.conf
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $need >/dev/null
