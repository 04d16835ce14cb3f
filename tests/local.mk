# SPDX-License-Identifier: Apache-2.0
# What `make check` runs: the CUnit programs and the house rules.  Tests with real servers
# need more than a build: tests/all.sh runs them.

TESTS += tests/layers.sh
EXTRA_DIST += tests/layers.sh tests/layers.txt tests/all.sh tests/README.md
AM_TESTS_ENVIRONMENT = TK_SRCDIR='$(abs_top_srcdir)'; export TK_SRCDIR;

if HAVE_CUNIT
include tests/unit/local.mk
include tests/unit/provider.mk
endif
include tests/server/local.mk
