# SPDX-License-Identifier: Apache-2.0
# Programs that the tests with real servers use; the tests are Python, run by tests/all.sh.

noinst_PROGRAMS = tests/server/tlsc
tests_server_tlsc_SOURCES = tests/server/tlsc.c
tests_server_tlsc_CPPFLAGS = -D_GNU_SOURCE $(OPENSSL_CFLAGS)
tests_server_tlsc_CFLAGS = $(TK_CFLAGS)
tests_server_tlsc_LDADD = $(OPENSSL_LIBS)
