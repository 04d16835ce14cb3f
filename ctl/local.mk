# SPDX-License-Identifier: Apache-2.0
# ctl/: tkctl.

bin_PROGRAMS += tkctl
tkctl_SOURCES = \
	ctl/answer.c ctl/answer.h \
	ctl/check_conf.c ctl/check_conf.h \
	ctl/check_include.c ctl/check_include.h \
	ctl/check_load.c ctl/check_load.h \
	ctl/check_module.c ctl/check_module.h \
	ctl/check_openssl.c ctl/check_openssl.h \
	ctl/check_vault.c ctl/check_vault.h \
	ctl/client.c ctl/client.h \
	ctl/cmd_check.c ctl/cmd_check.h \
	ctl/cmd_gen.c ctl/cmd_gen.h \
	ctl/findings.c ctl/findings.h \
	ctl/main.c \
	ctl/request.c ctl/request.h \
	ctl/save.c ctl/save.h \
	ctl/status.h \
	ctl/trust.c ctl/trust.h
tkctl_CPPFLAGS = $(TK_CPPFLAGS) $(OPENSSL_CFLAGS)
tkctl_CFLAGS = $(TK_CFLAGS)
tkctl_LDFLAGS = $(TK_LDFLAGS)
tkctl_LDADD = libtkcommon.la $(OPENSSL_LIBS)
