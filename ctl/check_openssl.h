/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_openssl.h - does this openssl.cnf load the module, and does a server start on it?
 */
#ifndef TK_CHECK_OPENSSL_H
#define TK_CHECK_OPENSSL_H

#include <stdbool.h>

#include "ctl/findings.h"

/* Reads `file` as the libcrypto of this process does (.include, $variables, sections), and
 * follows it from `openssl_conf` to the module, whose file is looked at as tk_check_module
 * does.  Where nothing is wrong so far OpenSSL is asked as tk_check_load does.
 * *config: what the module is told to read, for free(); NULL: nothing, so it takes its
 * default.  Returns true if there is a section of ours that says so, and a file of that
 * name. */
bool tk_check_openssl(const char *file, char **config, struct tk_findings *f);

#endif
