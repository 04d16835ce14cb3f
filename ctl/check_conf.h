/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_conf.h - tkprov.conf and what it names: key files, sockets, the log.
 */
#ifndef TK_CHECK_CONF_H
#define TK_CHECK_CONF_H

#include "common/conf.h"
#include "ctl/findings.h"

/* Reads `path` (NULL: as the module does where it is told none) and all that it names, as
 * the module would, with the rights of the caller.  Changes and makes nothing.  After errors
 * that leave the module without keys, or without a socket, it says what follows.
 * Returns what was read, for tk_conf_free, or NULL where the file is no good. */
struct tk_conf *tk_check_conf(const char *path, struct tk_findings *f);

#endif
