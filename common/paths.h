/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths.h - where things are by default.  SYSCONFDIR and RUNSTATEDIR come from the
 * build (config.mk's -D flags).
 */
#ifndef TK_PATHS_H
#define TK_PATHS_H

#include <stddef.h>

#define TK_DEFAULT_CONF SYSCONFDIR "/tkprov/tkprov.conf"
#define TK_RUN_DIR RUNSTATEDIR "/tkprov"
#define TK_DEFAULT_SOCKET TK_RUN_DIR "/tkprov.sock"

/* RUNSTATEDIR/tkprov/NAME.sock.  TK_E_RANGE: it does not fit, or NAME is empty or has
 * a slash. */
int tk_path_instance_socket(const char *name, char *out, size_t cap);

#endif
