/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoch.h - tells a process from the one it was forked from, however it was forked:
 * a number that is different in parent and child.
 *
 * Fork/threads: any thread, any time after tk_epoch_init; no locks.
 */
#ifndef TK_EPOCH_H
#define TK_EPOCH_H

#include <stdint.h>

/* Once, on attach.  0 or TK_E_SYS. */
int tk_epoch_init(void);

/* Never 0.  Differs from what it was in any ancestor of this process. */
uint64_t tk_epoch(void);

/* For the fork handler, where the kernel does not empty the page by itself. */
void tk_epoch_forked(void);

#endif
