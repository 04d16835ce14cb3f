# SPDX-License-Identifier: Apache-2.0
# Sourced: installs what the build and the tests need, on Debian, if it is missing.
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

BUILD_PACKAGES="build-essential autoconf automake libtool pkg-config libssl-dev libconfig-dev libcunit1-dev openssl"
DEMO_PACKAGES="nginx-light"
TEST_PACKAGES="clang libclang-rt-dev python3 python3-pytest nginx-light haproxy lighttpd lighttpd-mod-openssl apache2 stunnel4 socat curl strace valgrind procps mandoc"
