# SPDX-License-Identifier: Apache-2.0
# common/: what module and command share and touches the world.

noinst_LTLIBRARIES += libtkcommon.la
libtkcommon_la_SOURCES = \
	common/conf.c common/conf.h \
	common/conf_check.c common/conf_check.h \
	common/conf_default.c common/conf_default.h \
	common/conf_lib.c common/conf_lib.h \
	common/conf_options.c common/conf_options.h \
	common/conf_set.c common/conf_set.h \
	common/conf_text.c common/conf_text.h \
	common/conf_tree.c common/conf_tree.h \
	common/conf_value.c common/conf_value.h \
	common/file.c common/file.h \
	common/keystate.c common/keystate.h \
	common/keystore.c common/keystore.h \
	common/paths.c common/paths.h \
	common/random.c common/random.h
# libconfig is opened at run time: see common/conf_lib.h.
LIBCONFIG_SO = @LIBCONFIG_SO@
libtkcommon_la_CPPFLAGS = $(TK_CPPFLAGS) $(LIBCONFIG_CFLAGS) -DTK_LIBCONFIG=\"$(LIBCONFIG_SO)\"
libtkcommon_la_CFLAGS = $(TK_CFLAGS)
libtkcommon_la_LIBADD = libtkcore.la
