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

passed=0 failed=0
good() { passed=$((passed + $1)); }
bad() { failed=$((failed + 1)); echo "FAILED: $*"; }
finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
	exit
}

# build DIR CONFIGURE-ARGUMENTS...: out of tree, warnings are errors.
build() {
	dir=$1; shift
	mkdir -p "$dir" && (cd "$dir" && ../configure -q --enable-werror "$@" && make -s -j2) > "$dir.log" 2>&1 ||
		{ tail -n 30 "$dir.log"; return 1; }
}

# CUnit programs and scripts; CUnit's own counts where there are any, a script's lines
# `ok: ...` and `FAILED: ...` else, or the script as one.
unit() {
	dir=$1
	find "$dir/tests" \( -name '*.log' -o -name '*.trs' \) -exec rm -f {} +
	(cd "$dir" && make -s -j2 check) > "$dir.check.log" 2>&1
	rc=$?
	logs=$(cd "$dir" && find tests -name '*.log' ! -name 'test-suite.log' | sort)
	[ -n "$logs" ] || { tail -n 30 "$dir.check.log"; bad "make check in $dir ran nothing"; return; }
	for log in $logs; do
		name=${log%.log}
		result=$(sed -n 's/^:test-result: //p' "$dir/$name.trs")
		line=$(grep -E '^ +tests +[0-9]' "$dir/$log" || true)
		if [ -n "$line" ]; then
			echo "-- $name"
			grep -A4 '^Run Summary' "$dir/$log"
			read -r _ total _ ok _ <<< "$line"
			ko=$((total - ok))
			good "$ok"; failed=$((failed + ko))
			[ "$result" = PASS ] || [ "$ko" -gt 0 ] || bad "$name: $result"
		elif grep -qE '^(ok|FAILED): ' "$dir/$log"; then
			ok=$(grep -c '^ok: ' "$dir/$log") ko=$(grep -c '^FAILED: ' "$dir/$log")
			echo "-- $name: $ok passed, $ko failed"
			good "$ok"; failed=$((failed + ko))
			[ "$ko" = 0 ] || cat "$dir/$log"
			[ "$result" = PASS ] || [ "$ko" -gt 0 ] || bad "$name: $result"
		else
			[ "$result" = PASS ] && good 1 || { cat "$dir/$log"; bad "$name: $result"; }
		fi
	done
	[ "$rc" = 0 ] || [ "$failed" -gt 0 ] || bad "make check in $dir"
}

# Each CUnit program once more, under valgrind.
memory() {
	for t in "$1"/tests/unit/test_*; do
		[ -f "$t" ] && [ -x "$t" ] || continue
		(cd "$1" && valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99 \
			"../$t") > "$t.valgrind" 2>&1 && good 1 || { tail -n 20 "$t.valgrind"; bad "valgrind: $t"; }
	done
}

# count_of WORD LINE: the number before WORD in pytest's last line, 0 if there is none.
count_of() {
	n=$(sed -nE "s/(^|.*[^0-9])([0-9]+) $1( .*|,.*|$)/\2/p" <<< "$2")
	echo "${n:-0}"
}

# Real servers.  A test that was skipped is one that did not run.
servers() {
	out=$1.pytest.log
	TKPROV_BUILD=$PWD/$1 /usr/bin/python3 -m pytest -q -rs -p no:cacheprovider tests/cli tests/server tests/stress \
		2>&1 | tee "$out" | grep -vE '^[.sxF]+ +\[|^$'
	rc=${PIPESTATUS[0]}
	last=$(tail -n 1 "$out")
	before=$failed
	good "$(count_of passed "$last")"
	for word in failed skipped error errors; do
		failed=$((failed + $(count_of "$word" "$last")))
	done
	grep -q passed <<< "$last" || bad "server tests: $last"
	[ "$rc" = 0 ] || [ "$failed" -gt "$before" ] || bad "server tests: pytest ended with $rc"
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

# aside NAME COMMAND...: one test; what it said is shown if it failed.
aside() {
	name=$1; shift
	if "$@" > "build.$name.log" 2>&1; then echo "-- $name"; good 1
	else tail -n 40 "build.$name.log"; bad "$name"; fi
}

# shellcheck disable=SC2086
setup_packages $BUILD_PACKAGES $TEST_PACKAGES || { bad "packages could not be installed"; finish; }
./autogen.sh > autogen.log 2>&1 || { cat autogen.log; bad autogen; finish; }
rm -f autogen.log

# A sanitizer that is not in the binary finds nothing.
has_runtime() { ldd "$1/.libs/tkprov.so" | grep -qE 'lib(a|t)san'; }

if [ "${1:-}" = --sanitizers ]; then
	dir=build-${2%%,*}
	build "$dir" CC=gcc "--enable-sanitizers=$2" || { bad "build with $2"; finish; }
	has_runtime "$dir" && good 1 || bad "no sanitizer in $dir"
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
aside distcheck make -s -j2 -C build distcheck
fuzz
aside demo env TKPROV_BUILD="$PWD/build" examples/demo.sh
servers build
finish
