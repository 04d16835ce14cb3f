#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The README's own order and the other one: the demo, an install from the tree itself, and then the
# demo and a fuzz target once more, which are built beside a tree that is configured by then; the
# last one to run the demo is an ordinary user, in the tree that root has built in.
# usage: in_tree.sh BUILD       as root; a finished build; all of it happens in a copy of the tree
set -eu
build=$(cd "$1" && pwd)
tmp=$(mktemp -d /tmp/tkintree.XXXXXX)
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM HUP
unset TKPROV_BUILD BUILD
make -s -C "$build" distdir distdir="$tmp/tree"
cd "$tmp/tree"

echo "-- the demo first"
examples/demo.sh
echo "-- install from the tree"
./configure -q --prefix=/usr --sysconfdir=/etc
make -s -j2
make -s install DESTDIR="$tmp/dest"
module=$(find "$tmp/dest" -name tkprov.so)
grep -q /etc/tkprov/tkprov.conf "$module"
"$tmp/dest/usr/bin/tkctl" --version
echo "-- the demo again, and a fuzz target"
examples/demo.sh
tests/fuzz/run.sh 1 words
echo "-- the demo as somebody who may not write there"
said=$(setpriv --reuid 65534 --regid 65534 --clear-groups env -i PATH=/usr/bin:/bin examples/demo.sh 2>&1) ||
	{ printf '%s\n' "$said"; exit 1; }
printf '%s\n' "$said" | grep 'may not write'
if printf '%s\n' "$said" | grep 'not found'; then exit 1; fi
# what was installed last is still what an install would install
make -s install DESTDIR="$tmp/dest"
cmp .libs/tkprov.so "$(find "$tmp/dest" -name tkprov.so)"
