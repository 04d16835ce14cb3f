/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_options.h - fills a configuration from the tree of its file.
 */
#ifndef TK_CONF_OPTIONS_H
#define TK_CONF_OPTIONS_H

#include "common/conf_tree.h"

/* What on_error says, into r->conf: it holds for every other mistake of the file, so it is
 * read first; a wrong one is complained about in its turn. */
void tk_conf_options_on_error(struct tk_conf_reader *r, const struct tk_conf_node *top);

/* Reads and checks everything below `top` into r->conf.
 * Returns 0, TK_E_PARSE, TK_E_RANGE or TK_E_NOMEM, with a message. */
int tk_conf_options_read(struct tk_conf_reader *r, const struct tk_conf_node *top);

#endif
