/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_load.h - OpenSSL itself is asked what it makes of an openssl.cnf.
 */
#ifndef TK_CHECK_LOAD_H
#define TK_CHECK_LOAD_H

#include "ctl/findings.h"

struct tk_load {
	const char *file;
	const char *program; /* `nginx`, `nodejs_conf`; NULL: what all others read */
	const char *section; /* the one that it names, for messages */
	const char *provider; /* what OpenSSL calls the module by that file */
};

/* Has a child process load the configuration as a server does, and make a context for a TLS
 * client, of which the module wants nothing: no thread, socket or file comes into being.
 * Whatever a module does there, also dying, it does to the child.  Finds what reading the
 * file does not show; meant for one in which nothing was found.
 * Fork/threads: the caller has one thread, and has loaded no configuration. */
void tk_check_load(const struct tk_load *q, struct tk_findings *f);

#endif
