/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.h - what an instance looks like from outside: the texts of the show commands.
 *
 * Threads: the control thread alone.
 */
#ifndef TK_SHOW_H
#define TK_SHOW_H

#include "core/reply.h"
#include "provider/instance.h"

/* `# id (file)` and a line a ring. */
void tk_show_rings(const struct tk_instance *inst, struct tk_reply *out);

/* The keys of one ring, or of all (TK_NO_RING), in base64.  Secrets. */
void tk_show_secrets(const struct tk_instance *inst, int ring, struct tk_reply *out);

/* `Name: value` lines. */
void tk_show_info(const struct tk_instance *inst, struct tk_reply *out);

/* A tab-separated table of the attached processes. */
void tk_show_processes(const struct tk_instance *inst, struct tk_reply *out);

#endif
