# SPDX-License-Identifier: Apache-2.0
# ctl/: tkctl.

bin_PROGRAMS += tkctl
tkctl_SOURCES = \
	ctl/answer.c ctl/answer.h \
	ctl/client.c ctl/client.h \
	ctl/cmd_gen.c ctl/cmd_gen.h \
	ctl/main.c \
	ctl/request.c ctl/request.h \
	ctl/save.c ctl/save.h \
	ctl/status.h
tkctl_CPPFLAGS = $(TK_CPPFLAGS)
tkctl_CFLAGS = $(TK_CFLAGS)
tkctl_LDFLAGS = $(TK_LDFLAGS)
tkctl_LDADD = libtkcommon.la
