/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_options.h - fills a configuration from the tree of its file.
 */
#ifndef TK_CONF_OPTIONS_H
#define TK_CONF_OPTIONS_H

#include "common/conf_tree.h"

/* Reads and checks everything below `top` into r->conf.
 * Returns 0, TK_E_PARSE, TK_E_RANGE or TK_E_NOMEM, with a message. */
int tk_conf_options_read(struct tk_conf_reader *r, const struct tk_conf_node *top);

/* Reads on_error, programs and log, what holds whatever else is wrong, from the first `good`
 * bytes of a text that was refused.  For a reader that is `ahead`. */
void tk_conf_options_read_ahead(struct tk_conf_reader *r, struct tk_file *text, size_t good);

#endif
