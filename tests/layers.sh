#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Arrows point down only.  Reads tests/layers.txt and every #include of ours, and fails on
# one that points up or sideways, on a file without a level, on a folder that may not be
# looked into, and on a library outside its owner.
# usage: layers.sh [TREE]
set -eu
tree=${1:-${TK_SRCDIR:-$(dirname "$0")/..}}
cd "$tree"
find core common provider ctl include -name '*.[ch]' | LC_ALL=C sort | xargs awk '
function stem(f) { sub(/\.[ch]$/, "", f); return f }
function folder(f) { sub(/\/.*/, "", f); return f }
function level(f) { return f in lv ? lv[f] : lv[stem(f)] }
function known(f) { return f in lv || stem(f) in lv }
function bad(what) { printf "%s:%d: %s\n", FILENAME, FNR, what; faults++ }
BEGIN {
	while ((getline line < "tests/layers.txt") > 0) {
		n = split(line, w, " ")
		if (n == 0 || line ~ /^#/) continue
		if (w[1] == "owner") { for (i = 3; i <= n; i++) owner[w[2], w[i]] = 1; owned[w[2]] = 1 }
		else lv[w[2]] = w[1]
	}
	may["core"] = " core include "
	may["common"] = " common core include "
	may["provider"] = " provider common core include "
	may["ctl"] = " ctl common core include "
	may["include"] = " include "
}
FNR == 1 { files++; if (!known(FILENAME)) bad("has no level in tests/layers.txt") }
/^#[ \t]*include[ \t]*"/ {
	split($0, q, "\""); to = q[2]
	if (to == "config.h") next
	if (to ~ /^tkprov\//) to = "include/" to
	if (index(may[folder(FILENAME)], " " folder(to) " ") == 0) { bad("may not look into " to); next }
	if (!known(to)) { bad(to " has no level"); next }
	if (stem(to) == stem(FILENAME)) next
	if (level(to) >= level(FILENAME)) bad("points up to " to)
}
/^#[ \t]*include[ \t]*</ {
	split($0, q, /[<>]/)
	if (q[2] in owned && !((q[2], stem(FILENAME)) in owner)) bad("<" q[2] "> has another owner")
	if (folder(FILENAME) == "core" && q[2] ~ /^(openssl|sys|pthread|unistd|fcntl|time)/) bad("core is pure: <" q[2] ">")
}
END { printf "%d files, %d faults\n", files, faults; exit faults > 0 || files == 0 }
'
