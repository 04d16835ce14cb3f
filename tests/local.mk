# SPDX-License-Identifier: Apache-2.0
# What `make check` runs: the CUnit programs, the house rules, and what was built read back.
# Tests with real servers need more than a build: tests/all.sh runs them.

build_tests = \
	tests/build/test_binary.sh \
	tests/build/test_count.sh \
	tests/build/test_install.sh \
	tests/build/test_layers.sh \
	tests/build/test_manuals.sh \
	tests/build/test_tree.sh
TESTS += tests/layers.sh $(build_tests)
TK_HARDENING = @TK_HARDENING@
TK_SANITIZERS = @TK_SANITIZERS@
AM_TESTS_ENVIRONMENT = TK_SRCDIR='$(abs_top_srcdir)'; export TK_SRCDIR; \
	LSAN_OPTIONS='suppressions=$(abs_top_srcdir)/tests/fuzz/lsan.supp:print_suppressions=0'; export LSAN_OPTIONS;

EXTRA_DIST += \
	$(build_tests) \
	tests/README.md \
	tests/all.sh \
	tests/build/check.sh \
	tests/cli/test_check.py \
	tests/cli/test_gen.py \
	tests/cli/test_save.py \
	tests/cli/test_tkctl.py \
	tests/count.sh \
	tests/coverage.sh \
	tests/demo_stops.py \
	tests/in_tree.sh \
	tests/layers.sh \
	tests/layers.txt \
	tests/server/cache_server.c \
	tests/server/conftest.py \
	tests/server/deny.py \
	tests/server/harness.py \
	tests/server/imports.c \
	tests/server/inproc.c \
	tests/server/inproc.h \
	tests/server/inproc_mac.c \
	tests/server/leave.c \
	tests/server/own_malloc.c \
	tests/server/oracle.py \
	tests/server/pyserver.py \
	tests/server/second_libctx.c \
	tests/server/sanitizers.py \
	tests/server/shared_table.py \
	tests/server/slow_disk.c \
	tests/server/sysconfdir.py \
	tests/server/test_commands.py \
	tests/server/test_counters.py \
	tests/server/test_examples.py \
	tests/server/test_grammar.py \
	tests/server/test_guest.py \
	tests/server/test_haproxy.py \
	tests/server/test_inproc.py \
	tests/server/test_heir.py \
	tests/server/test_keep.py \
	tests/server/test_keyfile.py \
	tests/server/test_leave.py \
	tests/server/test_nginx.py \
	tests/server/test_options.py \
	tests/server/test_start.py \
	tests/server/test_takeover.py \
	tests/server/test_timer.py \
	tests/server/test_wall.py \
	tests/server/tsan.supp \
	tests/setup.sh \
	tests/stress/crowd.py \
	tests/stress/test_forks.py \
	tests/stress/test_hurt.py

if HAVE_CUNIT
include tests/unit/local.mk
include tests/unit/provider.mk
endif
include tests/server/local.mk
include tests/fuzz/local.mk
