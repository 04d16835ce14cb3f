/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fds.c - where the module's descriptors live.  Servers close, reuse and count
 * descriptors as they like; the number of one of ours is therefore a hint, and device
 * and inode are what it is known by.
 */
#include "provider/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define HIGH_FD 500
#define HIGH_FD_ROOM 16

/* Higher would only make every fork dearer: the kernel copies the table up to the
 * highest open number. */
static int high_base(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur <= HIGH_FD_ROOM)
		return 3;
	if (rl.rlim_cur - HIGH_FD_ROOM < HIGH_FD)
		return (int)(rl.rlim_cur - HIGH_FD_ROOM);
	return HIGH_FD;
}

/* In a table of this thread's own no number is in anybody's way. */
static _Thread_local bool own_table;

static int move_up(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, high_base());

	if (high == -1) {
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		return fd;
	}
	close(fd);
	return high;
}

void tk_fd_adopt(struct tk_fd *out, int fd)
{
	struct stat st;

	if (!own_table)
		fd = move_up(fd);
	*out = (struct tk_fd){ .num = fd };
	if (fstat(fd, &st) == 0) {
		out->dev = st.st_dev;
		out->ino = st.st_ino;
	}
}

bool tk_fds_room(unsigned have)
{
	struct rlimit rl;

	return getrlimit(RLIMIT_NOFILE, &rl) == 0 && have < rl.rlim_cur / 2;
}

bool tk_fd_ok(const struct tk_fd *fd)
{
	struct stat st;

	return fd->num != -1 && fstat(fd->num, &st) == 0 && st.st_dev == fd->dev &&
	       st.st_ino == fd->ino;
}

bool tk_fd_stays(const struct tk_fd *fd)
{
	return own_table ? fd->num != -1 : tk_fd_ok(fd);
}

void tk_fd_close(struct tk_fd *fd)
{
	if (tk_fd_ok(fd))
		close(fd->num);
	fd->num = -1;
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Older kernels and their filters do not know close_range. */
static void close_all(unsigned from, unsigned to)
{
	struct rlimit rl;

	if (close_range(from, to, 0) == 0 || getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	for (unsigned fd = from; fd <= to && fd < rl.rlim_cur; fd++)
		close((int)fd);
}

bool tk_fds_own(void)
{
	return own_table;
}

bool tk_fds_unshare(int *keep, size_t n)
{
	unsigned from = 0;

	if (unshare(CLONE_FILES) == -1)
		return false;
	qsort(keep, n, sizeof(*keep), by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < 0)
			continue;
		if ((unsigned)keep[i] > from)
			close_all(from, (unsigned)keep[i] - 1);
		from = (unsigned)keep[i] + 1;
	}
	close_all(from, UINT_MAX);
	own_table = true;
	return true;
}
