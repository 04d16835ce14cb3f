# SPDX-License-Identifier: Apache-2.0
# core/: pure code that the module and tkctl share.

noinst_LTLIBRARIES += libtkcore.la
libtkcore_la_SOURCES = \
	core/b64.c core/b64.h \
	core/commands.c core/commands.h \
	core/err.c \
	core/key.c core/key.h \
	core/keyfile.c core/keyfile.h \
	core/names.c core/names.h \
	core/near.c core/near.h \
	core/reply.c core/reply.h \
	core/ring.c core/ring.h \
	core/tag.c core/tag.h \
	core/weak.c core/weak.h \
	core/words.c core/words.h
libtkcore_la_CPPFLAGS = $(TK_CPPFLAGS)
libtkcore_la_CFLAGS = $(TK_CFLAGS)
