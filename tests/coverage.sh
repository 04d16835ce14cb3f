#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make coverage`: builds once more with gcc's counters, runs the unit tests, the corpus of the fuzz
# targets and the tests of control socket and key files with real servers, prints gcovr's
# table, and ends with 1 where less is covered than is asked for.
# usage: tests/coverage.sh      BUILD=build-coverage
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/setup.sh
dir=$(readlink -m "${BUILD:-build-coverage}")
command -v gcovr > /dev/null || { echo "gcovr is missing (Debian has it)" >&2; exit 1; }

build() {
	[ -x configure ] || ./autogen.sh || return
	rm -rf "$dir" && setup_tree "$dir" && mkdir -p "$dir" || return
	(cd "$dir" && "$tree/configure" -q CC=gcc --disable-hardening \
		CFLAGS="-g -O0 --coverage -fprofile-update=atomic" && rm -f ./*conftest* &&
		make -s -j2 && make -s -j2 check TESTS= &&
		gcc -shared -fPIC -pthread -o leave.so "$tree/tests/server/leave.c" && chmod -R a+rwX .)
}
build > "$dir.log" 2>&1 || { tail -n 30 "$dir.log"; echo "FAILED: the build with coverage"; exit 1; }

# What the tests find is all.sh's to tell; but counts of tests that failed are none.
find "$dir" -name '*.gcda' -delete
programs=$(cd "$dir" && find tests/unit tests/fuzz -maxdepth 1 -type f -perm -u+x \( -name 'test_*' -o -name 'replay_*' \))
(cd "$dir" && make -s check TESTS="$(echo $programs)") > "$dir.log" 2>&1 ||
	{ tail -n 30 "$dir.log"; echo "FAILED: unit tests"; exit 1; }

# Servers write what they have counted as whoever they are by then, and some tests run tkctl as
# somebody who may make no files there: so the files are made here, for everybody.  Not by
# umask: tests see that folders anybody may write to are not trusted.
make_files() {
	printf '%s\n' 'openssl_conf = i' '[i]' 'providers = p' '[p]' 'default = d' 't = t' '[d]' 'activate = 1' \
		'[t]' "module = $dir/.libs/tkprov.so" 'activate = 1' > "$dir/module.cnf" &&
		"$dir/tkctl" --version && OPENSSL_CONF=$dir/module.cnf openssl list -providers | grep -q tkprov &&
		find "$dir" -name '*.gcda' -exec chmod a+rw {} +
}
make_files > "$dir.log" 2>&1 || { tail -n 30 "$dir.log"; echo "FAILED: the module is not loaded"; exit 1; }
TKPROV_BUILD=$dir TKPROV_PRELOAD=$dir/leave.so timeout -k 30 20m /usr/bin/python3 -m pytest -q -p no:cacheprovider \
	tests/server/test_commands.py tests/server/test_haproxy.py tests/server/test_heir.py tests/server/test_counters.py \
	tests/server/test_keep.py tests/server/test_keyfile.py tests/server/test_options.py tests/server/test_start.py \
	tests/server/test_timer.py tests/stress/test_hurt.py > "$dir.log" 2>&1 ||
	{ tail -n 60 "$dir.log"; echo "FAILED: tests with servers"; exit 1; }

# share NAME LEAST FILTER...: one table, and whether it is enough.
rc=0
share() {
	name=$1 least=$2
	shift 2
	echo "-- $name, at least $least % of lines"
	(cd "$dir" && gcovr -r "$tree" --object-directory . "$@" --fail-under-line "$least" .) 2> "$dir.gcovr.log"
	[ $? = 0 ] || { tail -n 5 "$dir.gcovr.log"; echo "FAILED: $name"; rc=1; }
}
share core 95 --filter "$tree/core/"
share common 95 --filter "$tree/common/"
share "the control server" 90 --filter "$tree/provider/(control|session|command|command_cli|command_keys|show)[.]c"
exit $rc
