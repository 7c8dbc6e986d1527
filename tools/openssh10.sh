#!/bin/sh
# Makes a folder with the OpenSSH of Debian unstable (10.x), for the tests that talk to a current OpenSSH. Tests use it
# where it exists and say so where it does not. Needs root and Debian's debootstrap; takes about two minutes and 400 MB.
#   tools/openssh10.sh [DIRECTORY]      default: .cache/openssh10 of this repository, or $SALLYPORT_OPENSSH10
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-${SALLYPORT_OPENSSH10:-$root/.cache/openssh10}}
if [ -x "$target/usr/bin/ssh" ] && [ -e "$target/.complete" ]; then
  echo "$target: $(chroot "$target" /usr/bin/ssh -V 2>&1)"
  exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
  echo "Making a folder with another system needs root." >&2
  exit 1
fi
if ! command -v debootstrap >/dev/null 2>&1; then
  apt-get install -y -qq --no-install-recommends debootstrap >/dev/null
fi
mkdir -p "$(dirname "$target")"
rm -rf "$target.part"
debootstrap --variant=minbase --include=openssh-client,openssh-server,openssh-sftp-server sid "$target.part" \
  "${DEBIAN_MIRROR:-http://deb.debian.org/debian}"
# sshd wants a folder of its own and an account to drop to; the programs it starts want a null device and random numbers.
mkdir -p "$target.part/run/sshd"
for device in null:1:3 zero:1:5 random:1:8 urandom:1:9 tty:5:0; do
  name=${device%%:*}
  numbers=${device#*:}
  [ -c "$target.part/dev/$name" ] || mknod -m 666 "$target.part/dev/$name" c "${numbers%%:*}" "${numbers##*:}"
done
touch "$target.part/.complete"
rm -rf "$target"
mv "$target.part" "$target"
echo "$target: $(chroot "$target" /usr/bin/ssh -V 2>&1)"
