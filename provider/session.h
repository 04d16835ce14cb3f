/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.h - the connections to the control socket: their buffers, deadlines and lines.
 *
 * Threads: the control thread alone.  At most TK_SESSIONS_MAX at a time; where others wait
 * in a socket's backlog, somebody makes room: who has said nothing; else who waits at a prompt;
 * else who does not read; else who has been at work for long, between two commands.
 */
#ifndef TK_SESSION_H
#define TK_SESSION_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "provider/instance.h"

#define TK_SESSIONS_MAX 10

/* Is there a place for one more, or a client that can make room now?  *wake is brought forward to
 * when the next one can. */
bool tk_session_room(int64_t now, int64_t *wake);

/* Takes fd over, as a client of the configured socket `which`; where there is no other place
 * somebody makes room. */
void tk_session_open(struct tk_instance *inst, int fd, unsigned which, int64_t now);

/* Fills p with what each session waits for, in an order that tk_session_serve knows, and
 * brings *wake forward to the first deadline.  Returns how many. */
nfds_t tk_session_poll(struct pollfd *p, int64_t *wake);

/* Reads, runs, writes, and closes what is over. */
void tk_session_serve(const struct pollfd *p, nfds_t n, int64_t now);

/* In a new control thread's process: the parent's sessions are not ours. */
void tk_session_forget(void);

#endif
