#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Arrows point down only.  Reads tests/layers.txt and every #include of ours, and fails on
# one that points up or sideways, on a file without a level and a level without a file, on a
# folder that may not be looked into, and on a library outside its owner.
# usage: layers.sh [TREE]
set -eu
tree=${1:-${TK_SRCDIR:-$(dirname "$0")/..}}
cd "$tree"
[ -s tests/layers.txt ] || { echo "tests/layers.txt is missing"; exit 1; }
files=$(find core common provider ctl include -name '*.[ch]' | LC_ALL=C sort)
[ -n "$files" ] || { echo "0 files"; exit 1; }
# shellcheck disable=SC2086
awk '
function stem(f) { sub(/\.[ch]$/, "", f); return f }
function folder(f) { sub(/\/.*/, "", f); return f }
function entry(f) { return f in lv ? f : stem(f) }
function level(f) { return lv[entry(f)] }
function known(f) { return entry(f) in lv }
function fault(where, what) { print where ": " what; faults++ }
function bad(what) { fault(FILENAME ":" FNR, what) }
function may_look(from, to) { return index(may[folder(from)], " " folder(to) " ") > 0 }
function ours(to,    from) {
	if (to == "config.h") return
	if (to ~ /^tkprov\//) to = "include/" to
	from = FILENAME
	if (!may_look(from, to)) { bad("may not look into " to); return }
	if (!known(to)) { bad(to " has no level"); return }
	if (stem(to) != stem(from) && level(to) >= level(from)) bad("points up to " to)
}
function theirs(to) {
	if (to ~ /^tkprov\// || folder(to) in may) { bad("angle brackets around " to); return }
	if (to in owned) { if (!((to, stem(FILENAME)) in owner)) bad("<" to "> has another owner") }
	else if (to ~ /^openssl\//) bad("<" to "> has no owner")
	if (folder(FILENAME) == "core" && to ~ world) bad("core is pure: <" to ">")
}
# The levels and owners come first, then the sources.
FILENAME == "tests/layers.txt" {
	if (/^#/ || NF == 0) next
	if ($1 == "owner") { owned[$2]; for (i = 3; i <= NF; i++) { owner[$2, $i]; names[$i] = FNR }; next }
	if (NF != 2 || $1 !~ /^[0-9]+$/) bad("neither a level nor an owner")
	if ($2 in lv) bad($2 " stands twice")
	lv[$2] = $1 + 0; line[$2] = FNR
	next
}
FNR == 1 { files++; have[FILENAME]; have[stem(FILENAME)]; used[entry(FILENAME)] }
FNR == 1 && !known(FILENAME) { bad("has no level in tests/layers.txt") }
# Comments may stand wherever blanks may; names of files have none.
{ gsub(/\/\*([^*]|\*+[^*\/])*\*+\//, " ") }
!/^[ \t]*(#|%:)[ \t]*include/ { next }
/include[ \t]*"/ { split($0, q, "\""); ours(q[2]); next }
/include[ \t]*</ { split($0, q, /[<>]/); theirs(q[2]); next }
{ bad("an include that cannot be read") }
BEGIN {
	may["core"] = " core include "
	may["common"] = " common core include "
	may["provider"] = " provider common core include "
	may["ctl"] = " ctl common core include "
	may["include"] = " include "
	world = "^(openssl/|sys/|arpa/|net|pthread|threads|unistd|fcntl|time|signal|poll|sched|dlfcn|syslog|errno)"
}
END {
	for (f in lv) if (!(f in used)) fault("tests/layers.txt:" line[f], f " is no file")
	for (f in names) if (!(f in have)) fault("tests/layers.txt:" names[f], f " owns something and is no file")
	printf "%d files, %d faults\n", files, faults
	exit faults > 0 || files == 0
}
' tests/layers.txt $files
