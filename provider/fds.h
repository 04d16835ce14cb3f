/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fds.h - descriptors of a guest: close-on-exec, numbered high, and never used without
 * a look whether the number still means the same file.
 *
 * Locks: none.  Fork/threads: a struct tk_fd is written once and then only read.
 */
#ifndef TK_FDS_H
#define TK_FDS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tk_fd {
	int num; /* -1: none */
	dev_t dev;
	ino_t ino;
};

#define TK_FD_NONE ((struct tk_fd){ .num = -1 })

/* Takes fd over: moves it up to min(soft limit - 16, 500) or above where that is
 * possible, makes it close-on-exec and notes what it is.  Always succeeds; fd may stay
 * where it was. */
void tk_fd_adopt(struct tk_fd *out, int fd);

/* May we, who have `have` of them for good, keep one more?  Half of RLIMIT_NOFILE is the
 * server's. */
bool tk_fds_room(unsigned have);

/* Is it there, and still what it was? */
bool tk_fd_ok(const struct tk_fd *fd);

/* The same of one that the calling thread has seen to be there: in a table of its own nobody else
 * closes it. */
bool tk_fd_stays(const struct tk_fd *fd);

/* Closes it if it is still ours, and makes it none. */
void tk_fd_close(struct tk_fd *fd);

/* Has the calling thread a table of its own? */
bool tk_fds_own(void);

/* Gives the calling thread a descriptor table of its own in which only keep[0..n) is
 * open.  keep is sorted in place.  False where the kernel does not allow it: then the
 * table is the server's still and nothing was closed. */
bool tk_fds_unshare(int *keep, size_t n);

#endif
