#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# All measurements, on a bare Debian 12 or 13, as root or with sudo: installs what is missing,
# builds, runs both sides of each in turn, and prints one table.  Some minutes; bench/README.md
# says how to read it.  Ends with 1 if a bound is missed.
# usage: bench/run.sh [PART]...
# parts: ticket rings threads instructions nginx memory start commands
set -eu
cd "$(dirname "$0")/.."
top=$PWD
. tests/setup.sh
parts=${*:-ticket rings threads instructions nginx memory start commands}
fail() { printf '%s\n' "$*" >&2; exit 2; }

# shellcheck disable=SC2086
setup_packages $BUILD_PACKAGES nginx-light haproxy valgrind >&2 || fail "packages could not be installed"
build=${TKPROV_BUILD:-$top/build}
build_all() {
	[ -x configure ] || ./autogen.sh || return
	setup_tree "$build" && mkdir -p "$build" || return
	setup_configured "$build" || configured=no
	cd "$build" || return
	[ -z "${configured:-}" ] || "$tree/configure" -q || return
	make -s tkprov.la && make -s bench
}
(build_all) > "$build.bench.log" 2>&1 || { tail -n 20 "$build.bench.log" >&2; fail "the build"; }

dir=$(mktemp -d /tmp/tkbench.XXXXXX)
chmod 755 "$dir"
clean() {
	stop_pair
	rm -rf "$dir"
}
stop_pair() {
	for side in ours theirs mine persist; do
		[ -s "$dir/$side.pid" ] || continue
		pid=$(cat "$dir/$side.pid")
		kill "$pid" 2> /dev/null || true
		for _ in $(seq 100); do kill -0 "$pid" 2> /dev/null || break; sleep 0.1; done
		rm -f "$dir/$side.tls"
	done
}
trap clean EXIT
trap 'exit 2' INT TERM

# ---- what all parts stand on

# A module in the build folder is only found by its path; nginx's user must reach it.
cp "$build/.libs/tkprov.so" "$dir/tkprov.so"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 \
	-subj /CN=www.example.test -keyout "$dir/server.key" -out "$dir/server.pem" 2> /dev/null
quiet="log = { target = \"$dir/tkprov.log\"; level = \"warning\"; };"
echo "sockets = ( { path = \"$dir/s1\"; } ); $quiet" > "$dir/one.conf"
{
	echo "sockets = ( { path = \"$dir/s2\"; } ); $quiet rings = ("
	seq -f '%05.0f' 0 9999 |
		sed 's/.*/{ name = "&"; server_names = [ "h&.example.test" ]; },/; $s/,$//'
	echo ");"
} > "$dir/many.conf"
echo "sockets = ( { path = \"$dir/s3\"; } ); $quiet" > "$dir/server.conf"
# The same file on both sides but for the module.
cnf() {
	printf 'openssl_conf = init\n[init]\nproviders = provs\n[provs]\ndefault = default_sect\n%s\n' "$1"
	printf '[default_sect]\nactivate = 1\n[tkprov_sect]\nmodule = %s\nconfig = %s\nactivate = 1\n' \
		"$dir/tkprov.so" "$dir/server.conf"
}
cnf "tkprov = tkprov_sect" > "$dir/ours.cnf"
cnf "" > "$dir/theirs.cnf"

row() { (IFS=$'\t'; printf '%s\n' "$*"); }
# at_most FIGURE BOUND
at_most() { awk -v f="$1" -v b="$2" 'BEGIN { print f <= b ? "yes" : "NO" }'; }
median() { sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# ---- the parts; each prints lines of the table

part_ticket() { "$build/bench/ticket" "$dir"; }
part_rings() { "$build/bench/rings" "$dir"; }
part_threads() { "$build/bench/threads" "$dir" && "$build/bench/retries"; }
part_start() { "$build/bench/start" "$dir"; }

# count_instructions SIDE VERSION: of COUNT resumed handshakes, the server's alone.
COUNT=50
count_instructions() {
	OPENSSL_CONF=$dir/$1.cnf valgrind --tool=callgrind --toggle-collect=bench_measured \
		--compress-strings=no --compress-pos=no --callgrind-out-file="$dir/callgrind.$1" \
		"$build/bench/handshake" "$dir" "$2" "$COUNT" > "$dir/valgrind.log" 2>&1 ||
		{ tail -n 5 "$dir/valgrind.log" >&2; return 1; }
	awk -v seal='provider/seal\\.c$' -v counting='provider/(board|count|counters|stats|tally)[a-z_]*\\.c$' \
		-f bench/instructions.awk "$dir/callgrind.$1"
}
part_instructions() {
	for version in 3 2; do
		ours=$(count_instructions ours $version)
		theirs=$(count_instructions theirs $version)
		read -r total gen dec counting callback <<< "$ours"
		[ "$callback" -gt 0 ] || fail "callgrind saw nothing of the module"
		share() { awk -v a="$1" -v t="$total" -v n="$COUNT" 'BEGIN { printf "%d\t%d\t%.4f", a / n, t / n, a / t }'; }
		what="TLS 1.$version resumed, instructions of"
		mine=$(share $((gen + dec + counting)))
		bound="-" ok="-"
		[ $version = 2 ] || { bound="<= 0.02"; ok=$(at_most "${mine##*$'\t'}" 0.02); }
		row "$what gen, dec and counting / all of it" "$mine" "$bound" "$ok"
		printf 'TLS 1.%s: a handshake: gen %d, dec %d, counting in seal and open %d, seal and open %d\n' \
			"$version" $((gen / COUNT)) $((dec / COUNT)) $((counting / COUNT)) $((callback / COUNT)) >&2
		row "$what all, with the module / without" "$(awk -v a="$total" -v b="${theirs%% *}" -v n="$COUNT" \
			'BEGIN { printf "%d\t%d\t%.3f", a / n, b / n, a / b }')" - -
	done
}

# One worker each on the first core; the client has the last one.
start_one() {
	cat > "$dir/$1.nginx" <<EOT
daemon on; worker_processes 1; pid $dir/$1.pid; error_log $dir/nginx.err;
$([ "$(nproc)" = 1 ] || echo "worker_cpu_affinity 1;") $([ "$(id -u)" != 0 ] || echo "user www-data;")
events {}
http { access_log off; client_body_temp_path $dir/t1; proxy_temp_path $dir/t2; fastcgi_temp_path $dir/t3;
  uwsgi_temp_path $dir/t4; scgi_temp_path $dir/t5;
  server { listen unix:$dir/$1.tls ssl; server_name www.example.test; ssl_protocols TLSv1.2 TLSv1.3;
    ssl_certificate $dir/server.pem; ssl_certificate_key $dir/server.key; return 200 "hello\n"; } }
EOT
	OPENSSL_CONF=$dir/$1.cnf PATH=$PATH:/usr/sbin nginx -p "$dir" -c "$dir/$1.nginx" -e "$dir/nginx.err"
	for _ in $(seq 100); do
		[ -s "$dir/$1.pid" ] && pgrep -P "$(cat "$dir/$1.pid")" > "$dir/$1.worker" && return
		sleep 0.05
	done
	cat "$dir/nginx.err" >&2
	return 1
}
load() { taskset -c $(($(nproc) - 1)) "$build/bench/load" "$dir" "$@"; }
# judge FILE COLUMN: medians of that column and the next, and of their ratio.
judge() {
	for what in "\$$2" "\$($2 + 1)" "\$$2 / \$($2 + 1)"; do awk "{ print $what }" "$1" | median; done |
		awk '{ printf NR < 3 ? "%.0f /s\t" : "%.3f\n", $1 }'
}
# Several pairs: where a process's pages happen to lie is worth two hundredths.
part_nginx() {
	: > "$dir/tls3"; : > "$dir/tls2"
	for pair in 1 2 3 4 5 6 7 8; do
		if [ $((pair % 2)) = 1 ]; then start_one ours && start_one theirs
		else start_one theirs && start_one ours; fi || return
		load 3 20 300 >> "$dir/tls3" && load 2 20 600 >> "$dir/tls2" || return
		stop_pair
	done
	for version in 3 2; do
		what="nginx, TLS 1.$version, resumed handshakes a second"
		mine=$(judge "$dir/tls$version" 1)
		row "$what" "$mine" ">= 0.99" "$(at_most 0.99 "${mine##*$'\t'}")"
		row "$what of the worker's CPU" "$(judge "$dir/tls$version" 3)" - -
	done
}

# Unshared: what the worker has written to since it was forked, or what nobody else has mapped.
unshared() { awk '/^Private_Dirty:/ { print $2 }' "/proc/$(cat "$dir/$1.worker")/smaps_rollup"; }
part_memory() {
	: > "$dir/mem.ours"; : > "$dir/mem.theirs"; : > "$dir/mem.more"
	for _ in 1 2 3 4 5; do
		start_one ours && start_one theirs || return
		{ load 3 1 600 && load 2 1 600; } > /dev/null || return
		a=$(unshared ours) b=$(unshared theirs)
		echo "$a" >> "$dir/mem.ours"; echo "$b" >> "$dir/mem.theirs"; echo $((a - b)) >> "$dir/mem.more"
		stop_pair
	done
	more=$(median < "$dir/mem.more")
	row "nginx worker, unshared memory after 1,200 handshakes" "$(median < "$dir/mem.ours") kB" \
		"$(median < "$dir/mem.theirs") kB" "+$more kB" "<= +300 kB" "$(at_most "$more" 300)"
}

# The same hundred key files for three servers; the client sees nothing but control sockets.
control_server() {
	{
		echo "sockets = ( { path = \"$dir/$1.sock\"; } ); $quiet rings = ("
		for i in $(seq 100); do
			names="server_names = [ \"h$i.test\" ]; "
			[ "$i" -gt 1 ] || names=
			echo "{ file = \"$dir/$1.keys/$i\"; $names$2 }$([ "$i" = 100 ] || echo ,)"
		done
		echo ");"
	} > "$dir/$1.conf"
	cp -r "$dir/keys" "$dir/$1.keys"
	sed "s|^config = .*|config = $dir/$1.conf|" "$dir/ours.cnf" > "$dir/$1.cnf"
	OPENSSL_CONF=$dir/$1.cnf openssl s_server -unix "$dir/$1.tls" -cert "$dir/server.pem" \
		-key "$dir/server.key" > /dev/null 2>&1 < /dev/null &
	echo $! > "$dir/$1.pid"
}
part_commands() {
	mkdir "$dir/keys"
	for i in $(seq 100); do
		for _ in 1 2 3; do openssl rand 80 | openssl base64 -A; echo; done > "$dir/keys/$i"
	done
	cat "$dir/server.pem" "$dir/server.key" > "$dir/both.pem"
	{
		echo "global"; echo "  stats socket $dir/theirs.sock level admin"
		echo "defaults"; echo "  mode http"; echo "  timeout client 5s"
		echo "  timeout server 5s"; echo "  timeout connect 5s"
		for i in $(seq 100); do
			echo "frontend f$i"
			echo "  bind unix@$dir/h$i.tls ssl crt $dir/both.pem tls-ticket-keys $dir/keys/$i"
		done
	} > "$dir/haproxy.cfg"
	PATH=$PATH:/usr/sbin haproxy -db -f "$dir/haproxy.cfg" > "$dir/haproxy.log" 2>&1 &
	echo $! > "$dir/theirs.pid"
	control_server mine "persist = false;"
	control_server persist ""
	for _ in $(seq 100); do
		[ -S "$dir/mine.sock" ] && [ -S "$dir/persist.sock" ] && [ -S "$dir/theirs.sock" ] && break
		sleep 0.1
	done
	"$build/bench/commands" "$dir/mine.sock" "$dir/persist.sock" "$dir/theirs.sock" "#7"
	rc=$?
	stop_pair
	return $rc
}

# ---- the table

machine() {
	echo "machine   $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
	echo "kernel    $(uname -r)"
	echo "openssl   $(openssl version)"
	echo "nginx     $(PATH=$PATH:/usr/sbin nginx -v 2>&1 | sed 's/.*: //')"
	echo "date      $(date -u +%Y-%m-%d)"
}
table() {
	awk -F'\t' '{ n++; for (i = 1; i <= NF; i++) { c[n, i] = $i; if (length($i) > w[i]) w[i] = length($i) } }
		END { for (r = 1; r <= n; r++) { line = ""
			for (i = 1; i <= 6; i++) line = line sprintf("%-" w[i] "s", c[r, i]) (i < 6 ? " | " : "")
			print line
			if (r == 1) { gsub(/[^|]/, "-", line); print line } } }' "$1"
}
row what ours theirs ratio bound ok > "$dir/table"
for part in $parts; do
	declare -F "part_$part" > /dev/null || fail "no part $part"
	echo "-- $part" >&2
	"part_$part" >> "$dir/table" || fail "$part could not be measured"
done
machine
echo
table "$dir/table"
! grep -q $'\tNO$' "$dir/table"
