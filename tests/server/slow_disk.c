/* SPDX-License-Identifier: Apache-2.0 */
/* slow_disk.c - preloaded: each write at a place of a file takes its time, as on a disk that others
 * are busy with. */
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

ssize_t pwrite(int fd, const void *buf, size_t len, off_t at)
{
	struct timespec ts = { .tv_nsec = 30 * 1000000L };

	(void)nanosleep(&ts, NULL);
	return syscall(SYS_pwrite64, fd, buf, len, at);
}
