# SPDX-License-Identifier: Apache-2.0
# provider/: the module.

modulesdir = @modulesdir@
modules_LTLIBRARIES += tkprov.la
tkprov_la_SOURCES = \
	provider/attach.c provider/attach.h \
	provider/board.c provider/board.h provider/board_mem.h \
	provider/clock.c provider/clock.h \
	provider/command.c provider/command.h provider/command_cli.c provider/command_keys.c \
	provider/conn.c provider/conn.h \
	provider/contexts.c provider/contexts.h \
	provider/control.c provider/control.h \
	provider/counters.c provider/counters.h \
	provider/epoch.c provider/epoch.h \
	provider/events.c provider/events.h \
	provider/exindex.c provider/exindex.h \
	provider/fds.c provider/fds.h \
	provider/fork.c provider/fork.h \
	provider/heir.c provider/heir.h \
	provider/hook.c provider/hook.h \
	provider/imports.c provider/imports.h \
	provider/instance.c provider/instance.h \
	provider/join.c provider/join.h \
	provider/log.c provider/log.h \
	provider/ops.c provider/ops.h \
	provider/provider.c \
	provider/ringstate.c provider/ringstate.h \
	provider/save.c provider/save.h \
	provider/scope.c provider/scope.h \
	provider/seal.c provider/seal.h \
	provider/session.c provider/session.h \
	provider/shm.c provider/shm.h provider/signals.c provider/signals.h \
	provider/show.c provider/show.h \
	provider/ticket.c provider/ticket.h \
	provider/algorithms.c provider/algorithms.h \
	provider/timer.c provider/timer.h \
	provider/vault.c provider/vault.h
tkprov_la_CPPFLAGS = $(TK_CPPFLAGS) $(OPENSSL_CFLAGS)
tkprov_la_CFLAGS = $(TK_CFLAGS)
tkprov_la_LDFLAGS = $(TK_LDFLAGS) -module -avoid-version -shared -no-undefined \
	-export-symbols-regex '^OSSL_provider_init$$' -Wl,-z,nodelete
tkprov_la_LIBADD = libtkcommon.la $(OPENSSL_LIBS) -lpthread

# Libtool's description of a module is of no use to anybody; but it is what uninstall goes by.
install-data-hook:
	rm -f $(DESTDIR)$(modulesdir)/tkprov.la
uninstall-hook:
	rm -f $(DESTDIR)$(modulesdir)/tkprov.so

# The module once more, for programs of bench/ and tests/: in the shared object nothing can be called.
EXTRA_LTLIBRARIES = libtkmodule.la
CLEANFILES += libtkmodule.la
libtkmodule_la_SOURCES = $(tkprov_la_SOURCES)
libtkmodule_la_CPPFLAGS = $(tkprov_la_CPPFLAGS)
libtkmodule_la_CFLAGS = $(TK_CFLAGS)
libtkmodule_la_LIBADD = libtkcommon.la
