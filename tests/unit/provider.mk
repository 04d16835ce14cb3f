# SPDX-License-Identifier: Apache-2.0
# tests/unit/: the CUnit programs of provider/, for what needs no server.

provider_unit_tests = \
	tests/unit/test_algorithms \
	tests/unit/test_board \
	tests/unit/test_tally \
	tests/unit/test_vault
check_PROGRAMS += $(provider_unit_tests)
TESTS += $(provider_unit_tests)

tests_unit_test_algorithms_SOURCES = tests/unit/test_algorithms.c tests/unit/unit.h \
	provider/algorithms.c provider/algorithms.h
tests_unit_test_algorithms_CPPFLAGS = $(TK_CPPFLAGS) $(OPENSSL_CFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_algorithms_CFLAGS = $(TK_CFLAGS)
tests_unit_test_algorithms_LDADD = libtkcore.la $(OPENSSL_LIBS) $(CUNIT_LIBS) -lpthread

tests_unit_test_vault_SOURCES = tests/unit/test_vault.c tests/unit/unit.h provider/vault.c provider/shm.c
tests_unit_test_vault_CPPFLAGS = $(TK_CPPFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_vault_CFLAGS = $(TK_CFLAGS)
tests_unit_test_vault_LDADD = libtkcore.la $(CUNIT_LIBS) -lpthread

tests_unit_test_board_SOURCES = tests/unit/test_board.c tests/unit/unit.h provider/board.c \
	provider/shm.c provider/fds.c provider/clock.c provider/epoch.c
tests_unit_test_board_CPPFLAGS = $(TK_CPPFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_board_CFLAGS = $(TK_CFLAGS)
tests_unit_test_board_LDADD = libtkcore.la $(CUNIT_LIBS)

tests_unit_test_tally_SOURCES = tests/unit/test_tally.c tests/unit/unit.h provider/board.c \
	provider/board_mem.h provider/counters.c provider/events.c provider/ringstate.c \
	provider/shm.c provider/fds.c provider/clock.c
tests_unit_test_tally_CPPFLAGS = $(TK_CPPFLAGS) $(CUNIT_CFLAGS)
tests_unit_test_tally_CFLAGS = $(TK_CFLAGS)
tests_unit_test_tally_LDADD = libtkcommon.la $(CUNIT_LIBS) -lpthread
