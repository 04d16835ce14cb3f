#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes ./configure.
set -e
cd "$(dirname "$0")"
autoreconf --install --force --warnings=all,no-obsolete
