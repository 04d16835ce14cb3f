# SPDX-License-Identifier: Apache-2.0
# Sourced by tests/all.sh: runs tests of each kind and counts them.  What ran nothing is a failure.
# Runs in the folder above the builds, which are named by relative paths.

passed=0 failed=0
count_home=$(cd "${BASH_SOURCE[0]%/*}" && pwd)
good() { passed=$((passed + $1)); }
bad() { failed=$((failed + 1)); echo "FAILED: $*"; }
finish() {
	echo "$passed passed, $failed failed"
	[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
	exit
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
			[ "$total" -gt 0 ] || bad "$name: no tests"
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
	ran=0
	for t in "$1"/tests/unit/test_*; do
		[ -f "$t" ] && [ -x "$t" ] || continue
		ran=$((ran + 1))
		(cd "$1" && valgrind -q --leak-check=full --errors-for-leak-kinds=definite --error-exitcode=99 \
			--suppressions="$count_home/unit/valgrind.supp" "../$t") > "$t.valgrind" 2>&1 && good 1 || { tail -n 20 "$t.valgrind"; bad "valgrind: $t"; }
	done
	[ "$ran" -gt 0 ] || bad "valgrind: no programs in $1/tests/unit"
}

# count_of WORD LINE: the number before WORD in pytest's last line, 0 if there is none.
count_of() {
	n=$(sed -nE "s/(^|.*[^0-9])([0-9]+) $1( .*|,.*|$)/\2/p" <<< "$2")
	echo "${n:-0}"
}

python=/usr/bin/python3
# More than twice what a slow machine needs with sanitizers; three of them are less than CI waits.
servers_limit=20m
# Real servers.  A test that was skipped is one that did not run; one that
# hangs is a failure, and not the end of all that comes after.
servers() {
	out=$1.pytest.log
	TKPROV_BUILD=$PWD/$1 timeout -k 30 "$servers_limit" "$python" -m pytest -q -rs -p no:cacheprovider \
		tests/cli tests/server tests/stress 2>&1 | tee "$out" | grep -vE '^[.sxF]+ +\[|^$'
	rc=${PIPESTATUS[0]}
	last=$(tail -n 1 "$out")
	case $rc in 124 | 137) last="not done after $servers_limit" ;; esac
	before=$failed
	good "$(count_of passed "$last")"
	for word in failed skipped error errors; do
		failed=$((failed + $(count_of "$word" "$last")))
	done
	grep -q passed <<< "$last" || bad "server tests: $last"
	[ "$rc" = 0 ] || [ "$failed" -gt "$before" ] || bad "server tests: pytest ended with $rc"
}

# aside NAME COMMAND...: one test; what it said is shown if it failed.
aside() {
	name=$1; shift
	if "$@" > "build.$name.log" 2>&1; then echo "-- $name"; good 1
	else tail -n 40 "build.$name.log"; bad "$name"; fi
}

# has_runtimes DIR LIST: a sanitizer that is not in the binary finds nothing.
has_runtimes() {
	for s in ${2//,/ }; do
		case $s in
		address) lib=libasan ;;
		thread) lib=libtsan ;;
		undefined) lib=libubsan ;;
		*) return 1 ;;
		esac
		ldd "$1/.libs/tkprov.so" | grep -q "$lib\.so" || return
	done
}

