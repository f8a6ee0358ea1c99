#!/usr/bin/env bash
# Makes a stand-in for the official image of Node, for machines that reach Debian's packages but no image registry:
# a minimal Debian, the Node that this project pins, and npm. Needs root, debootstrap, and `npm ci` done before.
# Usage: scripts/container/base-image.sh <engine> <tag>
set -euo pipefail
engine=$1 tag=$2
cd "$(dirname "$0")/../.."
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
debootstrap --foreign --variant=minbase --include=ca-certificates bookworm "$root" "$mirror" >&2
# Nobody needs each of its files on the disk at once: a third of the time.
mkdir -p "$root/etc/dpkg/dpkg.cfg.d"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
chroot "$root" /debootstrap/debootstrap --second-stage >&2
rm "$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,locale,man}/*
chroot "$root" useradd --uid 1000 --create-home node

install node_modules/.bin/node "$root/usr/local/bin/node"
npm_folder=$(dirname "$(dirname "$(readlink -f "$(type -P npm)")")")
mkdir -p "$root/usr/local/lib/node_modules"
cp -r "$npm_folder" "$root/usr/local/lib/node_modules/npm"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
# Where this machine reaches the npm registry through a certificate of its own, the build must trust it, too.
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
mkdir -p "$root/usr/local/etc"
echo 'cafile=/etc/ssl/certs/ca-certificates.crt' >"$root/usr/local/etc/npmrc"

tar -C "$root" -c . | "$engine" import - "$tag" >&2
