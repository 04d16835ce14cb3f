/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shm.c - owns the making of shared memory; vault.c and board.c own what is in it.
 */
#include "provider/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

void tk_shm_guard(void *map, size_t size)
{
	(void)madvise(map, size, MADV_DONTDUMP);
	(void)mlock(map, size);
}
