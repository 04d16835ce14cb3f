/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shm.c - owns the making of shared memory; vault.c and board.c own what is in it.
 */
#include "provider/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

int tk_shm_create(const char *name, size_t size, void **map, int *fd, struct tk_error *e)
{
	int f = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	void *m = MAP_FAILED;
	int err;

	if (f == -1)
		return tk_err_set(e, TK_E_SYS, "memfd_create(%s): %s", name, strerror(errno));
	/* fallocate and not ftruncate: pages that do not exist are refused here. */
	err = posix_fallocate(f, 0, (off_t)size);
	if (err == 0 &&
	    fcntl(f, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == -1)
		err = errno;
	if (err == 0) {
		m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0);
		if (m == MAP_FAILED)
			err = errno;
	}
	if (err != 0) {
		close(f);
		return tk_err_set(e, TK_E_SYS, "shared memory for %s (%zu bytes): %s", name, size,
				  strerror(err));
	}
	*map = m;
	*fd = f;
	return 0;
}

/* /proc/self/status says `Seccomp: 2` where a filter is in force. */
static bool is_filtered(void)
{
	char text[4096];
	const char *line;
	ssize_t n;
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return true;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	line = strstr(text, "\nSeccomp:");
	return line == NULL || strtol(line + strlen("\nSeccomp:"), NULL, 10) != 0;
}

/* Pages come into being when they are touched: here, not in the middle of a handshake. */
static void touch(void *map, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t i = 0; i < size; i += page)
		((volatile char *)map)[i] = 0;
}

int tk_shm_create_secret(size_t size, bool insist, void **map, int *fd, struct tk_error *e)
{
	void *m = MAP_FAILED;
	int f, err = 0;

	if (!insist && is_filtered())
		return tk_err_set(e, TK_E_SYS, "memfd_secret: a seccomp filter is in force");
	f = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
	if (f == -1)
		return tk_err_set(e, TK_E_SYS, "memfd_secret: %s", strerror(errno));
	if (ftruncate(f, (off_t)size) == -1 ||
	    (m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0)) == MAP_FAILED)
		err = errno;
	if (err != 0) {
		close(f);
		return tk_err_set(e, TK_E_SYS, "memfd_secret of %zu bytes: %s%s", size,
				  strerror(err),
				  err == EAGAIN ? " (see RLIMIT_MEMLOCK)" : "");
	}
	touch(m, size);
	*map = m;
	*fd = f;
	return 0;
}

void tk_shm_guard(void *map, size_t size)
{
	(void)madvise(map, size, MADV_DONTDUMP);
	(void)mlock(map, size);
}
