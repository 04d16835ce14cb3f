/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_set.h - puts a setting's value where it belongs.  The setting has the type already.
 *
 * Returns 0, TK_CONF_UNFIT or TK_E_NOMEM; what was allocated is the caller's, also after a failure.
 */
#ifndef TK_CONF_SET_H
#define TK_CONF_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/conf_tree.h"

int tk_conf_set_string(struct tk_conf_reader *r, const struct tk_conf_node *s, char **out);
int tk_conf_set_bool(const struct tk_conf_node *s, bool *out);
int tk_conf_set_period(const struct tk_conf_node *s, int64_t *out); /* seconds */

/* An array of strings; *count goes up with each that is to be freed. */
int tk_conf_set_strings(struct tk_conf_reader *r, const struct tk_conf_node *s, char ***out,
			unsigned *count);

/* The index of a string among words, or -1. */
int tk_conf_word_index(const struct tk_conf_node *s, const char *const *words, size_t n);

#endif
