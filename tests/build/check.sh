# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts of tests/build: one line a check, `ok: WHAT` or `FAILED: WHAT`, which
# tests/all.sh counts.  A script ends with `done_checking`.  It runs in the build folder.

src=${TK_SRCDIR:?the folder with the sources}
src=$(cd "$src" && pwd)
checks=0 faults=0
LC_ALL=C
export LC_ALL

# check WHAT COMMAND...: the command has to succeed.  What it said is shown if it did not.
check() {
	what=$1; shift
	checks=$((checks + 1))
	if said=$("$@" 2>&1); then
		echo "ok: $what"
	else
		faults=$((faults + 1))
		echo "FAILED: $what"
		[ -z "$said" ] || printf '%s\n' "$said" | sed 's/^/    /'
	fi
}

# fails_with TEXT COMMAND...: succeeds if the command fails and says TEXT.
fails_with() {
	text=$1; shift
	if answer=$("$@" 2>&1); then
		echo "did not fail: $*"
		return 1
	fi
	case $answer in
	*"$text"*) return 0 ;;
	esac
	printf 'failed without a word about %s:\n%s\n' "$text" "$answer"
	return 1
}

# nothing LINES: succeeds if there are none, else shows them.
nothing() { [ -z "$1" ] || { printf '%s\n' "$1"; return 1; }; }

done_checking() {
	[ "$checks" -gt 0 ] || { echo "FAILED: nothing was checked"; exit 1; }
	[ "$faults" = 0 ]
	exit
}
