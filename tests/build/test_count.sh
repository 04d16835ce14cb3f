#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# tests/count.sh has to count what ran nothing, or did not end, as a failure.
set -u
. "${TK_SRCDIR:?}/tests/build/check.sh"

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 1
unset MAKEFLAGS MFLAGS MAKELEVEL

# counts WANTED FUNCTION ARGUMENTS...: `PASSED FAILED` after it, in a shell of its own.
counts() {
	wanted=$1; shift
	got=$(. "$src/tests/count.sh"
		python=$tmp/python servers_limit=${limit:-60}
		ldd() { cat "$tmp/ldd"; }
		"$@" > "$tmp/said" 2>&1
		echo "$passed $failed")
	[ "$got" = "$wanted" ] || { echo "$got instead of $wanted"; cat "$tmp/said"; return 1; }
}
# a_build LOG RESULT: `make check` writes this log, with this result.
a_build() {
	rm -rf dir && mkdir -p dir/tests/unit
	printf '%b\n' "$1" > log
	printf 'check:\n\tcp ../log tests/unit/test_x.log; echo :test-result: %s > tests/unit/test_x.trs\n' "$2" > dir/Makefile
}
# a_python LINES: what stands in the place of Python.
a_python() { printf '#!/bin/sh\n%s\n' "$1" > python; chmod 755 python; }
cunit='Run Summary:    Type  Total    Ran Passed Failed Inactive\n              suites      1      1    n/a      0        0'

a_build "$cunit\n               tests      3      3      3      0        0" PASS
check "a CUnit program's tests count" counts "3 0" unit dir
a_build "$cunit\n               tests      3      3      2      1        0" FAIL
check "those that fail, too" counts "2 1" unit dir
a_build "$cunit\n               tests      0      0      0      0        0" PASS
check "a CUnit program without tests is a failure" counts "0 1" unit dir
a_build "$cunit\n               tests      3      3      3      0        0" FAIL
check "one that dies after its tests is a failure" counts "3 1" unit dir
a_build "ok: a\nok: b\nFAILED: c" FAIL
check "a script's lines count" counts "2 1" unit dir
a_build "" FAIL
check "a script that says nothing and fails is a failure" counts "0 1" unit dir
printf 'check:\n' > dir/Makefile
check "make check that runs nothing is a failure" counts "0 1" unit dir

rm -f dir/tests/unit/*
check "no program for valgrind is a failure" counts "0 1" memory dir

a_python 'echo "3 passed, 1 skipped, 2 deselected in 7.0s"'
check "a skipped server test is a failure" counts "3 1" servers dir
a_python 'echo "no tests ran in 0.1s"; exit 5'
check "no server tests are a failure" counts "0 1" servers dir
a_python 'echo "2 passed in 1s"; exit 3'
check "pytest's exit status counts" counts "2 1" servers dir
a_python 'exec sleep 1000'
limit=0.2
check "server tests that hang are a failure" counts "0 1" servers dir

echo "	libasan.so.8 => /usr/lib/libasan.so.8 (0x0)" > ldd
sanitized() { (. "$src/tests/count.sh"; ldd() { cat "$tmp/ldd"; }; has_runtimes dir "$1"); }
check "a sanitizer that is there is seen" sanitized address
check "another one in its place is not enough" fails_with "" sanitized thread
check "each one has to be there" fails_with "" sanitized address,undefined
check "one that is not known is not there" fails_with "" sanitized memory
echo "	libubsan.so.1 => /usr/lib/libubsan.so.1 (0x0)" >> ldd
check "two that are there are seen" sanitized address,undefined
done_checking
