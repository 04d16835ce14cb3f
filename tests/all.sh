#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Set-up and all tests, on a bare Debian 12 or 13, as root or with sudo.
# usage: all.sh [--sanitizers LIST]     the same tests on a build with sanitizers
# Ends with `N passed, N failed`; every test that ran is counted, and what could not run is
# a failure.
set -u
cd "$(dirname "$0")/.." || exit 1
# The servers of the tests give up root's rights, so they need them first.
[ "$(id -u)" = 0 ] || exec sudo bash tests/all.sh "$@"
. tests/setup.sh
. tests/count.sh

# build DIR CONFIGURE-ARGUMENTS...: out of tree, warnings are errors.
build() {
	dir=$1; shift
	{ setup_tree "$dir" && mkdir -p "$dir" && (cd "$dir" &&
		"$tree/configure" -q --enable-werror "$@" && make -s -j2); } > "$dir.log" 2>&1 ||
		{ tail -n 30 "$dir.log"; return 1; }
}

# Half a minute for each target.
fuzz() {
	echo "-- fuzz"
	BUILD=build-fuzz tests/fuzz/run.sh 30 > build.fuzz.log 2>&1
	rc=$?
	grep -E '^(ok|FAILED): ' build.fuzz.log
	good "$(grep -c '^ok: ' build.fuzz.log)"
	ko=$(grep -c '^FAILED: ' build.fuzz.log)
	failed=$((failed + ko))
	[ "$rc" = 0 ] || { tail -n 60 build.fuzz.log; [ "$ko" -gt 0 ] || bad "fuzz: ended with $rc"; }
}

# One test; its table is for the reader.
coverage() {
	echo "-- coverage"
	tests/coverage.sh > build.coverage.log 2>&1 && good 1 || bad coverage
	cat build.coverage.log
}

# shellcheck disable=SC2086
setup_packages $BUILD_PACKAGES $TEST_PACKAGES || { bad "packages could not be installed"; finish; }
./autogen.sh > autogen.log 2>&1 || { cat autogen.log; bad autogen; finish; }
rm -f autogen.log

if [ "${1:-}" = --sanitizers ]; then
	dir=build-${2%%,*}
	build "$dir" CC=gcc "--enable-sanitizers=$2" || { bad "build with $2"; finish; }
	has_runtimes "$dir" "$2" && good 1 || bad "$dir has not all of $2"
	unit "$dir"
	servers "$dir"
	finish
fi
build build CC=gcc || { bad "build with gcc"; finish; }
good 1
unit build
memory build
build build-clang CC=clang && good 1 || bad "build with clang"
unit build-clang
build build-O3 CC=gcc CFLAGS=-O3 && good 1 || bad "build with gcc -O3"
aside distcheck make -s -j2 -C build distcheck
fuzz
aside demo env TKPROV_BUILD="$PWD/build" examples/demo.sh
aside demo-stops env TKPROV_BUILD="$PWD/build" tests/demo_stops.py
aside in-tree tests/in_tree.sh build
coverage
servers build
finish
