/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals.h - a stretch of work in one of the server's threads in which a write can raise a
 * signal that would end the server: SIGPIPE, and SIGXFSZ beyond RLIMIT_FSIZE (which holds
 * for shared memory, too).  Between hold and release they stay where they are and writes
 * just fail; what was pending before is pending afterwards.
 *
 * Threads: each for itself; may be nested.  Fork: a child has what the thread had.
 */
#ifndef TK_SIGNALS_H
#define TK_SIGNALS_H

#include <signal.h>

struct tk_signals {
	sigset_t mask, pending; /* as they were */
};

void tk_signals_hold(struct tk_signals *s);
void tk_signals_release(const struct tk_signals *s);

#endif
