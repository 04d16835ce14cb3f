#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Reads back from what was built: what the module shows and takes, hardening, core's purity.
set -u
. "${TK_SRCDIR:?}/tests/build/check.sh"

module=.libs/tkprov.so
tkctl=tkctl
flags=$(sed -n 's/^TK_CFLAGS = //p' Makefile)
user_flags=$(sed -n 's/^CFLAGS = //p' Makefile)

# The tools have to be there: an empty answer of theirs would pass for a good one.
check "readelf and nm can read the module" sh -c "readelf -d $module && nm -D $module"

symbols() { nm -D "$@" | awk '{ sub(/@.*/, "", $NF); print $NF }' | sort -u; }
takes() { symbols --undefined-only "$1"; }
has() { grep -qE "$1" "$2" || { echo "no $1"; return 1; }; }
hasnt() { if grep -E "$1" "$2"; then return 1; fi; }
same() { [ "$1" = "$2" ] || { printf 'not\n%s\nbut\n%s\n' "$1" "$2"; return 1; }; }
needs() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' | sort; }

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
readelf -dW $module > "$tmp/module.d"
readelf -lW $module > "$tmp/module.l"
readelf -dW $tkctl > "$tmp/tkctl.d"
readelf -lhW $tkctl > "$tmp/tkctl.l"
takes $module > "$tmp/module.u"
takes $tkctl > "$tmp/tkctl.u"

check "the module exports one symbol" same OSSL_provider_init "$(symbols --defined-only $module)"
check "the module is never unloaded" has 'FLAGS_1.*NODELETE' "$tmp/module.d"
check "the module finds all its symbols" nothing "$(ldd -r $module 2>&1 | grep -E 'undefined|not found')"

# A guest ends nothing, writes nowhere and changes nothing that belongs to the process.
guest='exit|_Exit|quick_exit|atexit|__assert_fail|err|errx|verr|error'
guest="$guest|signal|sigaction|bsd_signal|sigprocmask|umask|chdir|fchdir|chroot"
guest="$guest|setenv|putenv|unsetenv|clearenv|setlocale|set[a-z]*[ug]id|setgroups|setrlimit"
guest="$guest|printf|__printf_chk|vprintf|puts|putchar|stdout|openlog|syslog|__syslog_chk|closelog"
guest="$guest|fork|vfork|_Fork|exec[lvpe]+|posix_spawnp?|system|popen|dlclose|strtok|rand|srand"
check "the module takes no symbol that a guest leaves alone" hasnt "^($guest)\$" "$tmp/module.u"
check "that list sees what tkctl takes" has "^($guest)\$" "$tmp/tkctl.u"

# A build with sanitizers needs their libraries, too.
own_libs() { needs "$1" | grep -vE '^(ld-linux.*|ld64\..*|libpthread\..*|lib[a-z]*san\..*|libgcc_s\..*|libm\..*|libdl\..*)$' |
	sed 's/\.so.*//' | tr '\n' ' '; }
check "the module needs no other libraries" same "libc libcrypto libssl " "$(own_libs $module)"
check "tkctl needs no other libraries" nothing "$(own_libs $tkctl | tr ' ' '\n' | grep -vE '^(libc|libcrypto|libssl)?$')"

# Nor a name of a third one: the server may have something else by that name, and comes first.
# lighttpd has libconfig's config_init.
provided() {
	ldd $module | sed -n 's/.*=> \(\/[^ ]*\) .*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) .*/\1/p' |
		grep -E '/(libc|libpthread|libcrypto|libssl|ld-linux[^/]*|ld64|lib[a-z]*san)\.so' |
		while read -r library; do symbols --defined-only "$library"; done
	# What the linker leaves open: who is there at run time may fill it in.
	printf '%s\n' __gmon_start__ _ITM_deregisterTMCloneTable _ITM_registerTMCloneTable
}
provided | sort -u > "$tmp/provided"
check "libc's and OpenSSL's names are known" sh -c "grep -qx malloc '$tmp/provided' && grep -qx SSL_CTX_get_ex_data '$tmp/provided'"
check "the module takes names of libc and OpenSSL only" nothing "$(comm -23 "$tmp/module.u" "$tmp/provided")"

check "the module has no executable stack" hasnt 'GNU_STACK.* RWE ' "$tmp/module.l"
check "the module has no text relocations" hasnt 'TEXTREL' "$tmp/module.d"
if grep -q '^TK_HARDENING = yes' Makefile; then
	check "module: relro" has GNU_RELRO "$tmp/module.l"
	check "module: all symbols bound at load" has 'BIND_NOW|FLAGS_1.* NOW' "$tmp/module.d"
	check "module: stack protector" has '^__stack_chk_(fail|guard)$' "$tmp/module.u"
	check "tkctl: relro" has GNU_RELRO "$tmp/tkctl.l"
	check "tkctl: all symbols bound at load" has 'BIND_NOW|FLAGS_1.* NOW' "$tmp/tkctl.d"
	check "tkctl: stack protector" has '^__stack_chk_(fail|guard)$' "$tmp/tkctl.u"
	case "$flags $user_flags" in
	*_FORTIFY_SOURCE*)
		check "module: fortified" has '_chk$' "$tmp/module.u"
		check "tkctl: fortified" has '_chk$' "$tmp/tkctl.u" ;;
	esac
fi
case " $user_flags" in
*" -O"[123s]*) check "an optimised, hardened build is fortified" \
	sh -c "! grep -q '^TK_HARDENING = yes' Makefile || grep -q '^\(TK_\)\?CFLAGS = .*_FORTIFY_SOURCE' Makefile" ;;
esac

# core/ computes: memory and strings, and nothing that touches the world.
pure='tk_[a-z0-9_]+|(__)?(mem[a-z]+|str[a-z]+|bcmp|explicit_bzero|v?snprintf)(_chk)?|malloc|calloc|realloc|aligned_alloc|free'
pure="$pure|qsort|bsearch|__stack_chk_(fail|guard)|__ctype_[a-z_]+|__isoc23_strto[a-z]+|_GLOBAL_OFFSET_TABLE_"
pure="$pure|_*(asan|ubsan|tsan|msan|sanitizer|gcov|llvm)_.*"
archive() { nm -u "$1" | sed -n 's/^ *[Uw] //p' | sort -u; }
archive .libs/libtkcore.a > "$tmp/core.u"
archive .libs/libtkcommon.a > "$tmp/common.u"
check "core takes memory and strings only" nothing "$(grep -vxE "$pure" "$tmp/core.u")"
check "that list sees what common takes" sh -c "grep -qvxE '$pure' '$tmp/common.u'"

done_checking
