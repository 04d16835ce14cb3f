#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The files of the tree: licence lines, and that the build knows each of them.
set -u
. "${TK_SRCDIR:?}/tests/build/check.sh"
cd "$src" || exit 1

sources() { find core common provider ctl include -name '*.[ch]' | sort; }
scripts() { find core common provider ctl tests examples -name '*.sh' -o -name '*.py' -o -name '*.mk'; ls configure.ac Makefile.am autogen.sh; }

unlicensed() {
	{ sources; find tests -name '*.[ch]'; scripts; find examples -type f; echo tests/layers.txt; } | while read -r f; do
		head -n 2 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || echo "$f"
	done
}
# A file that is in no list would be missing in the tarball, or never be compiled.  The corpus is
# listed as a folder.
unlisted() {
	sources | while read -r f; do
		grep -qE "(^|[[:space:]])$f([[:space:]]|\$)" Makefile.am ./*/local.mk || echo "$f"
	done
	find tests examples -type f ! -path 'tests/fuzz/corpus/*' ! -path '*/__pycache__/*' ! -path '*/.*' ! -name '*.log' | while read -r f; do
		grep -qE "(^|[[:space:]])$f([[:space:]]|\$)" Makefile.am tests/*.mk tests/*/*.mk ||
			case $f in *.mk) ;; *) echo "$f" ;; esac
	done
}
# A program of tests/unit that nobody runs.
unrun() {
	find tests/unit -name 'test_*.c' | sed 's/\.c$//' | while read -r t; do
		grep -qE "(^|[[:space:]])$t([[:space:]]|\$)" tests/unit/*.mk || echo "$t"
	done
}

check "there are sources" test "$(sources | wc -l)" -gt 20
check "each file begins with the licence line" nothing "$(unlicensed)"
check "the build lists each file" nothing "$(unlisted)"
check "each unit test is run" nothing "$(unrun)"
check "scripts are executable" nothing "$(find tests/build -name 'test_*.sh' ! -perm -u+x; find autogen.sh tests/all.sh tests/coverage.sh tests/demo_stops.py tests/in_tree.sh tests/layers.sh examples/demo.sh ! -perm -u+x)"
check "the licence is whole" sh -c 'grep -q "Version 2.0, January 2004" LICENSE && grep -q "END OF TERMS AND CONDITIONS" LICENSE'
done_checking
