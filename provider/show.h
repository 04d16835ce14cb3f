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

/* The keys of the rings from `from` up to `to`, in base64.  Secrets. */
void tk_show_secrets(const struct tk_instance *inst, unsigned from, unsigned to,
		     struct tk_reply *out);

/* The audit table of those rings: what each key is for, where it came from, how often it
 * was used.  No secrets. */
void tk_show_slots(const struct tk_instance *inst, unsigned from, unsigned to,
		   struct tk_reply *out);

/* The last n events. */
void tk_show_events(const struct tk_instance *inst, unsigned n, struct tk_reply *out);

/* `Name: value` lines. */
void tk_show_info(const struct tk_instance *inst, struct tk_reply *out);

/* A tab-separated table of the attached processes. */
void tk_show_processes(const struct tk_instance *inst, struct tk_reply *out);

#endif
