/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shm.h - a piece of memory that all processes of an instance share: a sealed memfd
 * (or a memfd_secret, which cannot be sealed) mapped MAP_SHARED.  It cannot shrink, and every page is there from the start, so
 * that a full machine never becomes a SIGBUS in somebody's server.
 */
#ifndef TK_SHM_H
#define TK_SHM_H

#include <stdbool.h>
#include <stddef.h>

#include "tkprov/err.h"

/* Makes `size` bytes (rounded up to pages), zeroed, called `name` in /proc/PID/maps.
 * On success *map is the mapping and *fd the descriptor, both the caller's. */
int tk_shm_create(const char *name, size_t size, void **map, int *fd, struct tk_error *e);

/* The same by memfd_secret(2): not swapped, not dumped, not readable by ptrace or through
 * /proc/PID/mem.  Where the kernel, the resource limits or a seccomp filter do not allow it:
 * TK_E_SYS with the reason.  A filter may kill for trying; `insist` tries nevertheless. */
int tk_shm_create_secret(size_t size, bool insist, void **map, int *fd, struct tk_error *e);

/* What a mapping with secrets gets besides: not in core dumps, not swapped.  Locking
 * is best effort (RLIMIT_MEMLOCK) and is not inherited: forked children call it again. */
void tk_shm_guard(void *map, size_t size);

#endif
