/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_default.h - what holds where tkprov.conf says nothing.
 */
#ifndef TK_CONF_DEFAULT_H
#define TK_CONF_DEFAULT_H

#include "common/conf.h"

/* Everything but sockets and rings, of which it has none.  NULL: out of memory. */
struct tk_conf *tk_conf_default_new(void);

/* A socket and a ring before their options are read. */
extern const struct tk_conf_socket tk_conf_default_socket;
extern const struct tk_conf_ring tk_conf_default_ring;

/* What follows from what a ring's options say: its name, whether it is saved, when it
 * rotates.  False: out of memory. */
bool tk_conf_default_ring_fill(struct tk_conf_ring *ring, bool persist_said);

/* Adds the default socket where there is none, and the default ring likewise.
 * Returns 0, TK_E_NOMEM or TK_E_RANGE (RUNSTATEDIR of this build is too long). */
int tk_conf_default_fill(struct tk_conf *conf, struct tk_error *e);

#endif
