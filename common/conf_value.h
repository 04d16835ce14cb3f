/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_value.h - what the strings of tkprov.conf mean.  conf.c reads the file and owns
 * the messages; here is one value at a time.
 *
 * Each returns 0, or TK_E_PARSE where the text is not of its kind, TK_E_RANGE where it
 * is but goes too far; *out is untouched then.
 */
#ifndef TK_CONF_VALUE_H
#define TK_CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TK_PERIOD_MAX (366 * 86400) /* seconds */

/* Octal permission bits, "0" to "0777". */
int tk_conf_value_mode(const char *text, mode_t *out);

/* A number of 1 and up with its unit, `90s`, `30m`, `24h`, `7d`, as seconds; at most
 * TK_PERIOD_MAX. */
int tk_conf_value_period(const char *text, int64_t *out);

/* A name that this machine knows, or a decimal number.  TK_E_NOMEM too. */
int tk_conf_value_user(const char *text, uid_t *out);
int tk_conf_value_group(const char *text, gid_t *out);

/* 1 to max bytes, none of them a control character. */
bool tk_conf_value_printable(const char *text, size_t max);

/* The same, and a path from the root that does not end in a slash. */
bool tk_conf_value_path(const char *text, size_t max);

#endif
