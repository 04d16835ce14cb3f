#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Set-up and the main job, in front of your eyes: Debian's nginx, not rebuilt, with the module;
# its ticket keys shown and rotated by tkctl while clients keep resuming.
# On a bare Debian 12 or 13, as root or with sudo.  Ends by itself and cleans up.
set -eu
cd "$(dirname "$0")/.."
top=$PWD
. tests/setup.sh

PATH=$PATH:/usr/sbin:/sbin

say() { printf '\n== %s\n' "$*"; }
fail() { printf '\nThe story did not come true: %s\n' "$*" >&2; exit 1; }

# Keys lie in the folder: it goes whatever ends this, and whatever comes while it goes.
dir='' stopping=''
# The nginx that was started here: a pid alone may be somebody else's by now.
running() { [ -n "$dir" ] && grep -qsa "$dir/nginx[.]conf" /proc/[0-9]*/cmdline; }
clean() {
	stopping=yes
	trap '' INT TERM HUP
	# One that has just gone into the background has its pid file in a moment; a signal that comes
	# before it waits for signals is only heard with the next.
	for _ in $(seq 100); do
		running || break
		[ ! -s "$dir/nginx.pid" ] || kill "$(cat "$dir/nginx.pid")" 2> /dev/null || true
		sleep 0.1
	done
	[ -z "$dir" ] || rm -rf "$dir"
}
stop() { [ -n "$stopping" ] || exit "$1"; }
trap clean EXIT
trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

say "Packages and build"
# shellcheck disable=SC2086
setup_packages $BUILD_PACKAGES $DEMO_PACKAGES || fail "packages could not be installed"
dir=/tmp/tkdemo.$$.$(openssl rand -hex 6)
mkdir -m 755 "$dir"
[ -x configure ] || [ -w . ] || fail "there is no configure yet, and $(id -un) may not write to $top"
# What somebody else has built, root say, is left alone.
build=${TKPROV_BUILD:-$top/build}
foreign() { find "$build" "$build.log" ! -writable -print -quit 2> /dev/null; }
if [ -n "$(foreign)" ] || { [ ! -e "$build" ] && [ ! -w "$(dirname "$build")" ]; }; then
	build=$dir/build
	echo "$(id -un) may not write to $top/build: building in $build, which goes at the end"
fi
build_all() {
	[ -x configure ] || ./autogen.sh || return
	setup_tree "$build" && mkdir -p "$build" || return
	setup_configured "$build" || configured=no
	cd "$build" || return
	[ -z "${configured:-}" ] || "$tree/configure" -q || return
	make -s -j2
}
(build_all) > "$build.log" 2>&1 || { tail -n 20 "$build.log"; fail "the build; its last lines are above"; }
echo "module: $build/.libs/tkprov.so"

# A module in the build folder is only found by its path; the user's nginx must reach it.
cp "$build/.libs/tkprov.so" "$dir/tkprov.so"
keys=$dir/test.local.key
for _ in 1 2 3; do echo "$(openssl rand 80 | openssl base64 -A)" >> "$keys"; done
chmod 600 "$keys"
sed "s|^config = .*|module = $dir/tkprov.so\nconfig = $dir/tkprov.conf|" examples/openssl.cnf > "$dir/openssl.cnf"
sed "s|/run/tkprov/nginx.sock|$dir/nginx.sock|; s|/etc/ssl/tls-ticket-keys/test.local.key|$keys|" \
	examples/tkprov.conf > "$dir/tkprov.conf"
# Only root can give a socket away.
[ "$(id -u)" = 0 ] || sed -i 's/ user = "root"; group = "adm";//' "$dir/tkprov.conf"
openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=test.local \
	-keyout "$dir/server.key" -out "$dir/server.pem" 2> /dev/null

start_nginx() {
	cat > "$dir/nginx.conf" <<EOT
daemon on; worker_processes 4; pid $dir/nginx.pid; error_log $dir/nginx.err;
$([ "$(id -u)" != 0 ] || echo "user www-data;")
events {}
http { access_log off; client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
  uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  server { listen 127.0.0.1:$1 ssl; server_name test.local; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate $dir/server.pem; ssl_certificate_key $dir/server.key; return 200 "hello\n"; } }
EOT
	OPENSSL_CONF=$dir/openssl.cnf nginx -p "$dir" -c "$dir/nginx.conf" -e "$dir/nginx.err" 2> "$dir/start.err" || return
	# Who has made the contexts is gone; who goes on with them says so by the pid file.
	until [ -s "$dir/nginx.pid" ]; do
		running || return
		sleep 0.1
	done
}

say "nginx from Debian's package, a daemon with 4 workers, with tkprov.so loaded through openssl.cnf"
port=
for try in $(seq 20000 137 30000); do
	if start_nginx "$try"; then port=$try; break; fi
	grep -q 'Address already in use' "$dir/start.err" || { cat "$dir/start.err"; fail "nginx"; }
done
[ -n "$port" ] || fail "no free port"
nginx -v 2>&1
echo "listening on 127.0.0.1:$port, control socket $dir/nginx.sock"

ctl() { "$build/tkctl" -s "$dir/nginx.sock" "$@"; }

# names: the public name of each slot (the rest of a key is secret and not shown).
names() {
	ctl show tls-keys '#0' | while read -r slot key; do
		case $slot in 0.*) echo "$slot $(echo "$key" | openssl base64 -d -A | head -c 16 | od -An -tx1 | tr -d ' \n')";; esac
	done
}
show_names() { names | sed 's/^0\.0 .*/  & decrypts/; s/^0\.1 .*/  & encrypts/; s/^0\.2 .*/  & next/'; }
encrypts() { names | sed -n 's/^0\.1 //p'; }

# client TLS SAVE [OFFER]: one request; sets $how (New or Reused).
client() {
	how=$(printf 'GET / HTTP/1.1\r\nHost: test.local\r\nConnection: close\r\n\r\n' |
		timeout --foreground 20 openssl s_client -ign_eof -connect "127.0.0.1:$port" -servername test.local "-$1" \
			-sess_out "$dir/$2" ${3:+-sess_in "$dir/$3"} 2> /dev/null |
		sed -nE 's/^(New|Reused),.*/\1/p' | head -n 1)
}
ticket_name() {
	openssl sess_id -in "$dir/$1" -noout -text |
		sed -nE 's/^ *0000 - (([0-9a-f]{2}[ -]){16}).*/\1/p' | tr -d ' -'
}
expect() { # WHAT TLS SAVE OFFER HOW
	client "$2" "$3" "$4"
	printf '  %-46s %s\n' "$1" "$how"
	[ "$how" = "$5" ] || fail "$1: $how instead of $5"
}

for tls in tls1_2 tls1_3; do
	say "$tls: a full handshake, and its ticket"
	show_names
	expect "first connection" $tls first "" New
	echo "  the ticket begins with $(ticket_name first)"
	[ "$(ticket_name first)" = "$(encrypts)" ] || fail "the ticket is not under slot 1's key"
	expect "resumption" $tls again first Reused

	say "$tls: rotate; the ticket of before still resumes"
	echo "\$ tkctl rotate ssl tls-key '*'"
	ctl rotate ssl tls-key '*'
	expect "resumption after one rotation" $tls again first Reused
	expect "new connection" $tls second "" New
	[ "$(ticket_name second)" = "$(encrypts)" ] || fail "the new ticket is not under slot 1's key"

	say "$tls: rotate again; a ticket made after the first rotation resumes, the oldest does not"
	echo "\$ tkctl rotate ssl tls-key '*'"
	ctl rotate ssl tls-key '*'
	show_names
	expect "ticket made after the first rotation" $tls again second Reused
	expect "ticket whose key has left the ring" $tls again first New
done

say "Who shares these keys"
echo "\$ tkctl show processes"
ctl show processes

say "What each key was for, and how often it was used"
echo "\$ tkctl show tls-key-slots"
ctl show tls-key-slots
say "Done: keys were changed four times, and nobody's connection noticed."
