#!/bin/sh
# Installs the Debian packages that tests need and that are missing: PostgreSQL and OpenSSH with their clients, the shells
# and clients that SSH is tried with, Python's among them, and what is named; fetches kubectl (kubernetes.sh) and builds Pebble
# (pebble.sh) and what sinks are tried with (versitygw.sh, otelcol.sh, opensearch.sh, kafka.sh).
set -eu
need=""
has() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
[ -x /usr/lib/postgresql/15/bin/postgres ] || [ -n "$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null)" ] || need="postgresql"
# Each line: a program, and the package that has it.
while read -r program package; do
  has "$program" || need="$need $package"
done <<END
psql postgresql-client
pgbench postgresql-contrib
ip iproute2
python3 python3
sshd openssh-server
ssh openssh-client
zsh zsh
fish fish
dash dash
busybox busybox-static
tmux tmux
expect expect
plink putty-tools
sshpass sshpass
oathtool oathtool
rsync rsync
git git
curl curl
nginx nginx-light
vim vim
less less
top procps
gcc gcc
aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
qemu-aarch64-static qemu-user-static
Xvfb xvfb
chromium chromium
xauth xauth
xdpyinfo x11-utils
ansible-playbook ansible-core
rsyslogd rsyslog
END
for module in paramiko asyncssh aiosmtpd; do
  # Those of the distribution's own Python, whichever comes first on the path.
  [ -d "/usr/lib/python3/dist-packages/$module" ] || need="$need python3-$module"
done
# rsyslog speaks TLS by a module, which is no program.
[ -n "$(ls /usr/lib/*/rsyslog/lmnsd_gtls.so 2>/dev/null)" ] || need="$need rsyslog-gnutls"
for name in "$@"; do has "$name" || need="$need $name"; done
# kubectl of three ages is not installed but kept in .cache; where it cannot be had, its tests say so and skip.
"$(dirname "$0")/kubernetes.sh" || echo "kubectl could not be fetched; tests that need it skip" >&2
# So is Pebble, the ACME server for tests, which Go builds.
"$(dirname "$0")/pebble.sh" || echo "Pebble could not be built; tests that need it skip" >&2
# And what sinks are tried with: an object store, an OpenTelemetry collector, OpenSearch, Kafka.
"$(dirname "$0")/versitygw.sh" || echo "The object store for tests could not be built; tests that need it skip" >&2
"$(dirname "$0")/otelcol.sh" || echo "The OpenTelemetry collector could not be built; tests that need it skip" >&2
"$(dirname "$0")/opensearch.sh" || echo "OpenSearch could not be fetched; tests that need it skip" >&2
"$(dirname "$0")/kafka.sh" || echo "Kafka could not be fetched; tests that need it skip" >&2
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
# Nor is any other service that a package brings, sshd above all; what policy there was is put back.
policy=/usr/sbin/policy-rc.d
[ -e "$policy" ] || { printf '#!/bin/sh\nexit 101\n' > "$policy" && chmod 755 "$policy" && trap 'rm -f "$policy"' EXIT; }
# shellcheck disable=SC2086
apt-get install -y -qq --no-install-recommends $need >/dev/null
