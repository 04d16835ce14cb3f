/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.h - the shared memory that holds everything that is not secret: who is
 * attached, whether client certificates were seen, how often keys were rotated.  Its
 * descriptor carries the instance's record locks.
 *
 *   operation          may run beside           by
 *   register           anything                 once in each process, on attach or fork
 *   guard, does        anything                 the control thread
 *   see_certs, tally   anything                 any thread, lock-free
 *   readers            anything                 any thread; what is read is checked
 *   lock, unlock       one holder per instance  control threads, under the writer mutex
 *
 * The record lock belongs to the descriptor table that took it (fcntl(2)): a control
 * thread with a table of its own is another owner than its server, and the kernel frees
 * the lock when that thread's process dies, wherever it was.  By the same means a process is
 * known to live: its control thread locks the byte of its place (tk_board_guard).
 */
#ifndef TK_BOARD_H
#define TK_BOARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "provider/fds.h"
#include "tkprov/err.h"
#include "tkprov/limits.h"

enum tk_process_role { TK_PROC_CREATOR, TK_PROC_FORKED, TK_PROC_JOINED };

/* What a process does for the instance. */
#define TK_DOES_TIME 1u   /* has a control thread, which keeps the time */
#define TK_DOES_LISTEN 2u /* which has the instance's socket, too */

/* One attached process, as copied from the board. */
struct tk_process {
	pid_t pid;
	uid_t uid, euid; /* as /proc has them; where it is hidden, as entered */
	unsigned does;
	enum tk_process_role role;
	int64_t started; /* seconds since the epoch */
	unsigned contexts_hooked, contexts_left_alone;
	char program[TK_PROGRAM_LEN]; /* printable, NUL-terminated */
};

struct tk_board;

/* For `rings` rings of up to `slots` keys. */
int tk_board_create(struct tk_board **out, unsigned rings, unsigned slots, struct tk_error *e);
void tk_board_free(struct tk_board **board); /* only before it is in use */

/* The descriptor, for those who keep it over unshare. */
const struct tk_fd *tk_board_fd(const struct tk_board *b);

/* Enters the calling process; its place is remembered for tk_board_contexts.  A full
 * board leaves it out, which only hides it from `show processes`. */
void tk_board_register(struct tk_board *b, enum tk_process_role role, const char *program);

/* Notes how many contexts the calling process has. */
void tk_board_contexts(struct tk_board *b, unsigned hooked, unsigned left_alone);

/* Enters the calling process's user ids again: servers change them after a fork. */
void tk_board_uids(struct tk_board *b);

/* For a control thread with a descriptor table of its own, when nothing will be closed in it any
 * more: holds the lock that tells others that this process lives.  It goes with the thread, at
 * exit, exec and kill; without /proc, from any root. */
void tk_board_guard(struct tk_board *b);

/* Enters what the calling process does: TK_DOES_*. */
void tk_board_does(struct tk_board *b, unsigned does);

/* Calls fn for each living process; stops when it returns false. */
void tk_board_each(const struct tk_board *b, bool (*fn)(const struct tk_process *p, void *arg),
		   void *arg);

uid_t tk_board_creator(const struct tk_board *b);  /* effective uid of the creator */
int64_t tk_board_created(const struct tk_board *b); /* seconds since the epoch */

/* Somebody else has the instance's socket: the files are theirs to write. */
void tk_board_set_beside(struct tk_board *b, bool beside);
bool tk_board_beside(const struct tk_board *b);

/* The process that made the socket the instance has now. */
void tk_board_set_listener(struct tk_board *b, pid_t pid);
pid_t tk_board_listener(const struct tk_board *b);

/* A connection to the instance's sockets was taken; how many were. */
void tk_board_accept(struct tk_board *b);
uint32_t tk_board_accepts(const struct tk_board *b);

/* Of all who ask within `period` ms one is told that it is his turn. */
bool tk_board_turn(struct tk_board *b, int64_t now_ms, int64_t period);

/* Client certificates are in play in this instance, and stay so.  `program` is who saw
 * it; the first one is remembered, and told so by true. */
bool tk_board_see_certs(struct tk_board *b, const char *program);
bool tk_board_certs_seen(const struct tk_board *b);
/* Who saw them: *pid and out, false if nobody has. */
bool tk_board_certs_witness(const struct tk_board *b, pid_t *pid, char out[static TK_PROGRAM_LEN]);

/* Counts a change of keys. */
void tk_board_rotated(struct tk_board *b, int64_t now);
void tk_board_rotations(const struct tk_board *b, uint64_t *count, int64_t *last);

/* The instance's record locks, waited for until the deadline.  TK_E_BUSY: somebody has
 * had it all the time.  TK_E_SYS: the descriptor is gone. */
enum tk_board_lock {
	TK_LOCK_KEYS, /* changing a ring */
	TK_LOCK_FILE, /* saving one: held while a disk is slow, so another one */
};
int tk_board_lock(struct tk_board *b, enum tk_board_lock which, int deadline_ms);
void tk_board_unlock(struct tk_board *b, enum tk_board_lock which);

#endif
