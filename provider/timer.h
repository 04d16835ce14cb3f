/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.h - what is to be done by itself: rotating rings that are due, saying that a key
 * encrypts for too long.
 *
 * Every control thread keeps it; the writer's lock lets one of them rotate.
 */
#ifndef TK_TIMER_H
#define TK_TIMER_H

#include "provider/instance.h"

#define TK_TIMER_LONGEST_S 60 /* clocks are set now and then */

/* Does what is due at `now` (seconds since the epoch).  Returns when to come again, at the
 * latest; `late`: leave a second's time to the processes that can do it better. */
int64_t tk_timer_run(struct tk_instance *inst, int64_t now, bool late);

/* For a process without a control thread: rotates the ring if it is due.  Any thread, in
 * the middle of a handshake: no file, no log line, and at most a moment's wait. */
void tk_timer_ring(struct tk_instance *inst, unsigned ring);

#endif
