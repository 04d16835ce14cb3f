/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_check.h - settings of tkprov.conf that contradict each other.
 *
 * Each check looks at entry i, with those before it checked already.  The message is
 * without file and line; *where names the option whose line it is about, or is NULL
 * where the whole entry is.
 * Returns 0, TK_E_PARSE, TK_E_RANGE or TK_E_NOMEM.
 */
#ifndef TK_CONF_CHECK_H
#define TK_CONF_CHECK_H

#include "common/conf.h"
#include "core/names.h"

/* Has a path, and no other socket's in any spelling. */
int tk_conf_check_socket(const struct tk_conf *conf, unsigned i, const char **where,
			 struct tk_error *e);

/* Name and file are no other ring's name or file, and the file in no other spelling: commands
 * find a ring by either.  What is to be saved has a file. */
int tk_conf_check_ring(const struct tk_conf *conf, unsigned i, const char **where,
		       struct tk_error *e);

/* max_key_age (which was said, or not) and max_key_age_action leave room for each ring's
 * rotate_every, and somebody is there to rotate. */
int tk_conf_check_ages(const struct tk_conf *conf, bool age_said, const char **where,
		       struct tk_error *e);

/* Sockets, key files, the log and tkprov.conf are files apart. */
int tk_conf_check_paths(const struct tk_conf *conf, const char **where, struct tk_error *e);

/* The log's target is none of the others, as far as those are known. */
int tk_conf_check_log(const struct tk_conf *conf, const char *target, struct tk_error *e);

/* Adds the ring's server names to `names`, where the earlier rings' are. */
int tk_conf_check_names(const struct tk_conf *conf, unsigned i, struct tk_names *names,
			const char **where, struct tk_error *e);

#endif
