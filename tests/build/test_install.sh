#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `make install` puts two files where configure said, and `make uninstall` takes them away.
set -u
. "${TK_SRCDIR:?}/tests/build/check.sh"

# A make of its own, whatever the one that runs this was told.
unset MAKEFLAGS MFLAGS MAKELEVEL
quiet_make() { ${MAKE:-make} -s --no-print-directory "$@"; }

dest=$(mktemp -d) || exit 1
trap 'rm -rf "$dest"' EXIT
value() { printf 'tk_value:\n\t@echo $(%s)\n' "$1" | quiet_make -f Makefile -f - tk_value; }
files() { (cd "$dest" && find . ! -type d | sed 's/^\.//' | sort); }
installs() { quiet_make "$1" DESTDIR="$dest"; }
same() { [ "$1" = "$2" ] || { printf 'not\n%s\nbut\n%s\n' "$1" "$2"; return 1; }; }

bindir=$(value bindir) modulesdir=$(value modulesdir)
check "configure's folders are known" test -n "$bindir" -a -n "$modulesdir"
check "make install" installs install
mandir=$(value mandir)
check "the command, the module and the manuals are installed, nothing else" \
	same "$(printf '%s\n' "$bindir/tkctl" "$modulesdir/tkprov.so" "$mandir/man1/tkctl.1" \
		"$mandir/man5/tkprov.conf.5" "$mandir/man7/tkprov.7" | sort)" "$(files)"
check "the module is a plain file" test -f "$dest$modulesdir/tkprov.so" -a ! -L "$dest$modulesdir/tkprov.so"

# The examples are whole files; only the path of one is put into the other.
cp "$src/examples/tkprov.conf" "$dest/tkprov.conf"
sed "s|^config = .*|config = $dest/tkprov.conf|" "$src/examples/openssl.cnf" > "$dest/openssl.cnf"
# A module with a sanitizer in it needs the runtime first in a program that has none.
runtime=$(ldd .libs/tkprov.so | sed -n 's/.*lib[a-z]*san\.so.* => \([^ ]*\) .*/\1/p' | tr '\n' ' ')
providers() {
	OPENSSL_CONF=$dest/openssl.cnf OPENSSL_MODULES=$dest$modulesdir \
		LD_PRELOAD=$runtime ASAN_OPTIONS=detect_leaks=0 openssl list -providers |
		sed -nE 's/^  ([a-z]+)$/\1/p; s/^ +status: /status /p' | tr '\n' ' '
}
check "openssl lists both providers of examples/openssl.cnf" \
	same "default status active tkprov status active " "$(providers)"
rm -f "$dest/tkprov.conf" "$dest/openssl.cnf"

check "make uninstall" installs uninstall
check "nothing is left" nothing "$(files)"
done_checking
