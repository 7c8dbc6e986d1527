#!/bin/sh
# Fetches what tests with Kubernetes take from Debian: kubectl 1.20 of bookworm, which uses SPDY, 1.32 of trixie and the
# one of sid, which use WebSocket. Nothing is installed and root is not needed: apt works in a folder of its own, with the
# mirror that this machine's apt is set up for. Takes under a minute and 250 MB.
#   tools/kubernetes.sh [DIRECTORY]      default: .cache/kubernetes of this repository, or $SALLYPORT_KUBERNETES
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
target=${1:-${SALLYPORT_KUBERNETES:-$root/.cache/kubernetes}}
mirror=${DEBIAN_MIRROR:-}
if [ -z "$mirror" ]; then
  # Who makes a repository is known once its lists have been fetched; before that its address has to do.
  # shellcheck disable=SC2016
  mirror=$(apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
    sed -n -e 's/^Debian|Debian|//p' -e 's#^||\(.*/debian/*\)$#\1#p' | head -n 1)
fi
if [ -z "$mirror" ]; then
  echo "apt on this machine knows no Debian mirror; name one in DEBIAN_MIRROR." >&2
  exit 1
fi
mkdir -p "$target"

# fetch NAME SUITE PACKAGE: kubectl of the package as NAME.
fetch() {
  [ -x "$target/bin/$1" ] && return 0
  apt=$target/apt/$2
  mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$target/bin"
  : > "$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $2 main" > "$apt/sources.list"
  set -- "$1" "$2" "$3" -o "Dir::State=$apt" -o "Dir::State::Lists=$apt/lists" -o "Dir::State::status=$apt/status" \
    -o "Dir::Cache=$apt" -o "Dir::Etc::SourceList=$apt/sources.list" -o "Dir::Etc::SourceParts=-" \
    -o "Acquire::Languages=none" -o "APT::Sandbox::User=" -o "APT::Default-Release="
  name=$1 package=$3
  shift 3
  apt-get -qq "$@" update
  rm -rf "$apt/tree" "$apt"/*.deb
  (cd "$apt" && apt-get -qq "$@" download "$package")
  dpkg -x "$apt"/*.deb "$apt/tree"
  mv "$apt/tree/usr/bin/kubectl" "$target/bin/$name.part"
  mv "$target/bin/$name.part" "$target/bin/$name"
  rm -rf "$apt"
  fetched=yes
}

fetch kubectl-old bookworm kubernetes-client
fetch kubectl-new trixie kubectl
fetch kubectl-newest sid kubectl
rmdir "$target/apt" 2>/dev/null || true
[ "${fetched:-}" = "" ] && exit 0
for name in old new newest; do
  echo "$name: $("$target/bin/kubectl-$name" version --client 2>/dev/null | tr '\n' ' ')"
done
