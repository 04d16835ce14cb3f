#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Fuzzes each target with libFuzzer, AddressSanitizer and UndefinedBehaviorSanitizer, beginning
# from its corpus.  What is found stays in DIR/findings; new inputs stay in DIR/TARGET.
# usage: tests/fuzz/run.sh [SECONDS [TARGET]...]      BUILD=build-fuzz
# Prints `ok: ...` or `FAILED: ...` for each; ends with 1 if any failed.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/setup.sh
seconds=${1:-30}
[ $# = 0 ] || shift
targets=${*:-answer conf keyfile session words}
dir=${BUILD:-build-fuzz}

build() {
	[ -x configure ] || ./autogen.sh || return
	setup_tree "$dir" && mkdir -p "$dir/findings" || return
	setup_configured "$dir" || configured=no
	cd "$dir" || return
	[ -z "${configured:-}" ] || CFLAGS="-g -O1 -fsanitize=fuzzer-no-link" \
		"$tree/configure" -q CC=clang --enable-sanitizers=address,undefined || return
	for t in $targets; do make -s "tests/fuzz/fuzz_$t" FUZZ_LDFLAGS=-fsanitize=fuzzer || return; done
}
(build) > "$dir.log" 2>&1 || { tail -n 30 "$dir.log"; echo "FAILED: the build of the targets"; exit 1; }

one() {
	mkdir -p "$dir/corpus/$1"
	LSAN_OPTIONS=suppressions=tests/fuzz/lsan.supp:print_suppressions=0 "$dir/tests/fuzz/fuzz_$1" -max_total_time="$seconds" -timeout=20 \
		-artifact_prefix="$dir/findings/$1-" -print_final_stats=1 \
		"$dir/corpus/$1" "tests/fuzz/corpus/$1" > "$dir/fuzz_$1.log" 2>&1
	rc=$?
	runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/fuzz_$1.log")
	cover=$(grep -oE 'cov: [0-9]+ ft: [0-9]+' "$dir/fuzz_$1.log" | tail -n 1)
	if [ "$rc" = 0 ] && [ "${runs:-0}" -gt 0 ]; then
		echo "ok: $1: $runs inputs in $seconds s, $cover"
	else
		tail -n 40 "$dir/fuzz_$1.log"
		echo "FAILED: $1 (ended with $rc)"
	fi
}
export -f one
export dir seconds
# shellcheck disable=SC2086
printf '%s\n' $targets | xargs -n 1 -P "$(nproc)" bash -c 'one "$1"' one > "$dir/out"
cat "$dir/out"
! grep -q '^FAILED' "$dir/out" && grep -q '^ok' "$dir/out"
