/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_lib.h - libconfig, opened by us and apart from the server.  conf_tree.c works with it.
 *
 * Were it a library that the module needs, the linker would look for its names in the server
 * first: lighttpd has a config_init and a config_read of its own.  So its types and macros
 * come from its header, its functions from here.
 */
#ifndef TK_CONF_LIB_H
#define TK_CONF_LIB_H

#include <libconfig.h>

#include "tkprov/err.h"

/* What is taken of it. */
#define TK_CONF_LIB_FUNCTIONS(F) \
	F(config_init) \
	F(config_destroy) \
	F(config_read_string) \
	F(config_setting_get_string) \
	F(config_setting_get_int) \
	F(config_setting_get_bool) \
	F(config_setting_get_int64) \
	F(config_setting_get_float) \
	F(config_setting_length) \
	F(config_setting_get_elem) \
	F(config_setting_get_string_elem) \
	F(config_setting_get_member)

/* lib.config_init(...) and so on. */
struct tk_conf_lib {
#define TK_CONF_LIB_FIELD(name) __typeof__(name) *name;
	TK_CONF_LIB_FUNCTIONS(TK_CONF_LIB_FIELD)
#undef TK_CONF_LIB_FIELD
};

/* Opens it, or finds it open; it is never closed.  Returns 0, or TK_E_SYS with a message
 * that names the library.
 * Locks: the loader's own.  Fork/threads: one at a time, as tk_conf_load. */
int tk_conf_lib_open(struct tk_conf_lib *lib, struct tk_error *e);

#endif
