/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_include.h - an openssl.cnf and the files that it includes: lines that cannot be read, and
 * what OpenSSL passes over.
 */
#ifndef TK_CHECK_INCLUDE_H
#define TK_CHECK_INCLUDE_H

#include "ctl/findings.h"

/* Says where OpenSSL cannot read the file, and why.  For one that it has just refused: the
 * reason is in its error queue, which is emptied. */
void tk_check_include_unread(const char *file, struct tk_findings *f);

/* For a file that it has just read: what it has not found on the way, by the error queue,
 * which is emptied, and names of included files that mean another one elsewhere. */
void tk_check_include(const char *file, struct tk_findings *f);

#endif
