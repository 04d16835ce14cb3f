/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heir.h - who has the instance's socket and its key files when those who had them are gone.
 *
 * A server that starts beside a live instance has neither until that one has ended; and the one
 * process that listens may end before the others do.  So each control thread without the socket
 * looks now and then whether anybody of its instance has it, and if nobody has, whether the path
 * has become free.
 *
 * Threads: tk_heir_files attach, then the control thread; tk_heir_look the control thread.
 */
#ifndef TK_HEIR_H
#define TK_HEIR_H

#include "provider/instance.h"

#define TK_HEIR_EVERY_MS 3000

/* Opens the key files; where they are this instance's, begins their story in the list of events
 * and warns of what is doubtful about them. */
void tk_heir_files(struct tk_instance *inst);

/* True: this process has the instance's sockets from now on (inst->listeners).  first: it is among
 * those whose right comes first.  *again: when to look again, monotonic ms as `now`. */
bool tk_heir_look(struct tk_instance *inst, bool first, int64_t now, int64_t *again);

#endif
