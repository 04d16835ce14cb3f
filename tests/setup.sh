# SPDX-License-Identifier: Apache-2.0
# Sourced, in the tree's own folder: installs what the build and the tests need, on Debian, if it is
# missing, and says what to build from.
# setup_packages NAME...: as root or with sudo; servers are not started by it.

setup_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

setup_packages() {
	missing=
	for p in "$@"; do
		dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
	done
	[ -n "$missing" ] || return 0
	echo "installing:$missing"
	# shellcheck disable=SC2086
	(install_packages $missing)
}

# In a shell of its own, so that the policy goes whatever ends it.
# Servers are installed for tests of our own: nothing may start on this machine's ports.
install_packages() {
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		trap 'setup_root rm -f "$policy"' EXIT
		trap 'exit 1' INT TERM
		printf '#!/bin/sh\nexit 101\n' | setup_root tee "$policy" > /dev/null
		setup_root chmod 755 "$policy"
	fi
	setup_root apt-get update -qq &&
		setup_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y \
			--no-install-recommends "$@" > /dev/null
}

# setup_tree DIR: sets `tree`, the folder to configure from in DIR.  Once somebody has built in the
# tree itself, configure refuses to use it from elsewhere, and make would take objects from there:
# then it is a copy of what belongs to the tree, in DIR/source.
setup_tree() {
	tree=$(pwd -P)
	[ -e config.status ] || return 0
	mkdir -p "$1" && tree=$(cd "$1" && pwd -P)/source || return
	rm -rf "$tree" && make -s distdir distdir="$tree"
}

# setup_configured DIR: whether DIR is configured from $tree.
setup_configured() {
	[ -e "$1/Makefile" ] &&
		[ "$(cd "$1" && cd "$(sed -n 's/^srcdir = //p' Makefile)" && pwd -P)" = "$tree" ]
}

BUILD_PACKAGES="build-essential autoconf automake libtool pkg-config libssl-dev libconfig-dev libcunit1-dev openssl"
DEMO_PACKAGES="nginx-light"
TEST_PACKAGES="clang libclang-rt-dev python3 python3-pytest nginx-light haproxy lighttpd lighttpd-mod-openssl apache2 stunnel4 socat curl strace valgrind procps mandoc gcovr systemd"
