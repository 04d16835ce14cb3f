# SPDX-License-Identifier: Apache-2.0
# bench/: measurements.  Built by `make bench` only, run by bench/run.sh; no part of the tests.

bench_programs = \
	bench/ticket \
	bench/rings \
	bench/threads \
	bench/retries \
	bench/handshake \
	bench/commands \
	bench/load \
	bench/start
EXTRA_PROGRAMS += $(bench_programs)
CLEANFILES += $(bench_programs)
EXTRA_DIST += \
	bench/README.md \
	bench/instructions.awk \
	bench/run.sh

.PHONY: bench
bench: $(bench_programs)

BENCH_CPPFLAGS = $(TK_CPPFLAGS) $(OPENSSL_CFLAGS)
BENCH_LIBS = libtkmodule.la $(OPENSSL_LIBS) -lpthread

bench_ticket_SOURCES = bench/ticket.c bench/bench.c bench/bench.h bench/server.c bench/server.h
bench_ticket_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_ticket_CFLAGS = $(TK_CFLAGS)
bench_ticket_LDADD = $(BENCH_LIBS)

bench_rings_SOURCES = bench/rings.c bench/bench.c bench/bench.h bench/server.c bench/server.h
bench_rings_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_rings_CFLAGS = $(TK_CFLAGS)
bench_rings_LDADD = $(BENCH_LIBS)

bench_threads_SOURCES = bench/threads.c bench/bench.c bench/bench.h bench/server.c bench/server.h
bench_threads_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_threads_CFLAGS = $(TK_CFLAGS)
bench_threads_LDADD = $(BENCH_LIBS)

# its own vault.c
bench_retries_SOURCES = bench/retries.c bench/bench.c bench/bench.h provider/shm.c
bench_retries_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_retries_CFLAGS = $(TK_CFLAGS)
bench_retries_LDADD = libtkcore.la -lpthread

bench_handshake_SOURCES = bench/handshake.c bench/bench.c bench/bench.h
bench_handshake_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_handshake_CFLAGS = $(TK_CFLAGS)
bench_handshake_LDADD = $(OPENSSL_LIBS)

bench_commands_SOURCES = bench/commands.c bench/bench.c bench/bench.h
bench_commands_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_commands_CFLAGS = $(TK_CFLAGS)
bench_commands_LDADD = $(OPENSSL_LIBS)

bench_load_SOURCES = bench/load.c bench/bench.c bench/bench.h
bench_load_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_load_CFLAGS = $(TK_CFLAGS)
bench_load_LDADD = $(OPENSSL_LIBS) -lpthread

bench_start_SOURCES = bench/start.c bench/bench.c bench/bench.h
bench_start_CPPFLAGS = $(BENCH_CPPFLAGS)
bench_start_CFLAGS = $(TK_CFLAGS)
