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
