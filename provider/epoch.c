/* SPDX-License-Identifier: Apache-2.0 */
/*
 * epoch.c - owns one page that the kernel hands to a forked child zeroed
 * (MADV_WIPEONFORK).  A zero therefore means "forked since the last look", also after
 * a bare clone(2) that runs no fork handlers.  The counter beside it is copied by the
 * fork, so a child always counts on from its parent.
 */
#include "provider/epoch.h"

#include <stdatomic.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tkprov/err.h"

static _Atomic uint64_t *page;
static _Atomic uint64_t counter;

int tk_epoch_init(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *p;

	if (page != NULL)
		return 0;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return TK_E_SYS;
	(void)madvise(p, size, MADV_WIPEONFORK); /* before 4.14: the fork handler does it */
	page = p;
	return 0;
}

uint64_t tk_epoch(void)
{
	uint64_t now = atomic_load_explicit(page, memory_order_relaxed);
	uint64_t next;

	if (now != 0)
		return now;
	next = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed) + 1;
	/* Two threads may both see the zero; the first one's number stands for both. */
	if (atomic_compare_exchange_strong_explicit(page, &now, next, memory_order_relaxed,
						    memory_order_relaxed))
		return next;
	return now;
}

void tk_epoch_forked(void)
{
	if (page != NULL)
		atomic_store_explicit(page, 0, memory_order_relaxed);
}
