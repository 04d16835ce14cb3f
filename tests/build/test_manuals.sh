#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manuals are well-formed and say what the tables of the code say.
set -u
. "${TK_SRCDIR:?}/tests/build/check.sh"

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
plain() { mandoc -T ascii "$src/man/$1" | sed 's/.\x08//g' > "$tmp/$1"; }
for page in tkctl.1 tkprov.conf.5 tkprov.7; do
	check "$page is well-formed" nothing \
		"$(mandoc -T lint "$src/man/$page" 2>&1 | grep -vE 'referenced manual not found')"
	plain "$page"
	check "$page has a text" test -s "$tmp/$page"
done

# Words of the command table, from the command itself.
./tkctl --help | sed -n 's/^  \([a-z][a-z -]*[a-z]\).*/\1/p' > "$tmp/commands"
check "there are commands" test "$(wc -l < "$tmp/commands")" -gt 15
undocumented() {
	while read -r words; do
		tr -s ' \n' ' ' < "$tmp/tkctl.1" | grep -qF " $words" || echo "$words"
	done < "$tmp/commands"
}
check "tkctl(1) has each command" nothing "$(undocumented)"

options() { sed -n 's/^	{"\([a-z_]*\)", TK_CONF_.*/\1/p' "$src/common/conf_options.c"; }
check "there are options" test "$(options | wc -l)" -gt 25
missing() { options | while read -r o; do grep -q "^ *$o = " "$tmp/tkprov.conf.5" || echo "$o"; done; }
check "tkprov.conf(5) has each option" nothing "$(missing)"

# The paragraph of each option: its item and what follows, up to the next one.
paragraphs() {
	awk '/^\.It Ic [a-z_]+ = / { if (name) print name text; name = $3; text = "" }
		/^\.(El|Sh|Ss)/ { if (name) print name text; name = "" }
		name != "" { text = text " " $0 }' "$src/man/tkprov.conf.5"
}
paragraphs > "$tmp/paragraphs"
check "tkprov.conf(5) has each option as often as the tables" \
	nothing "$(options | sort > "$tmp/a"; sed 's/ .*//' "$tmp/paragraphs" | sort | diff "$tmp/a" -)"
check "each option has a default, or says that there is none" \
	nothing "$(grep -vE '(Default: |No default: )' "$tmp/paragraphs" | sed 's/ .*//')"
# The words in quotes of what the tables want.
words() {
	awk '/^	\{"[a-z_]+", TK_CONF_STRING/ { split($0, q, "\""); name = q[2]; sub(/^[^,]*/, "") }
		name != "" { while (match($0, /\\"[a-z-]+\\"/)) {
			print name, substr($0, RSTART + 2, RLENGTH - 4); $0 = substr($0, RSTART + RLENGTH) } }
		/\},$/ { name = "" }' "$src/common/conf_options.c"
}
check "there are words" test "$(words | wc -l)" -gt 20
unsaid() {
	words | while read -r o word; do
		grep -q "^$o .*(dq$word.(dq" "$tmp/paragraphs" || echo "$o: $word"
	done
}
check "tkprov.conf(5) has each word that an option takes" nothing "$(unsaid)"

names() { grep -o '[A-Z][A-Za-z_]*: %' "$src/provider/show.c" | sed 's/: %//' | sort -u; }
check "there are names of show info" test "$(names | wc -l)" -gt 14
unnamed() { names | while read -r n; do grep -q "$n" "$tmp/tkprov.7" || echo "$n"; done; }
check "tkprov(7) has each name of show info" nothing "$(unnamed)"

columns="ring slot role name bits added by issued presented resumed renewed forged expired astray last_used"
in_code() { tr -d '\n\t"' < "$src/provider/show.c" | sed 's/\\t/ /g' | tr -s ' ' | grep -qF "# $columns"; }
check "these are the columns of the audit table" in_code
check "tkctl(1) has them" sh -c "tr -s ' \n' ' ' < '$tmp/tkctl.1' | grep -qF '$columns'"

# What a reader copies from the README: without -s or -i it would go to another socket, and
# sockets are not for everybody.
bare() { grep -nE '^    .*tkctl (clear|flush|help|reload|replace|rotate|save|set|show)' "$src/README.md"; }
rightless() { grep -nE '^    (.*[|] |[$] )?(socat|tkctl) ' "$src/README.md" | grep -v 'tkctl check'; }
check "there are commands in the README" grep -q '^    .*sudo tkctl -' "$src/README.md"
check "each of them says which server" nothing "$(bare)"
check "and has the rights" nothing "$(rightless)"
done_checking
