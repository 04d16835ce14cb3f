/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap.h - a heap that can be made to run out, and that looks at what is given back.
 * Works by the linker's --wrap (see local.mk) on the code under test only; CUnit and libc
 * keep their own.
 */
#ifndef TK_UNIT_HEAP_H
#define TK_UNIT_HEAP_H

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
void __wrap_free(void *p);
char *__wrap_strdup(const char *s);

static long heap_left = -1;     /* allocations until there is no more; -1: no end */
static int heap_once;           /* there is memory again after the one that failed */
static unsigned heap_failed;    /* how often there was none */
static const char *heap_secret; /* must be in nothing that is freed */
static unsigned heap_leaks;     /* how often it was */
static long heap_live;          /* allocated and not freed */

static inline int heap_out(void)
{
	if (heap_left == 0) {
		heap_left = heap_once ? -1 : 0;
		heap_failed++;
		return 1;
	}
	if (heap_left > 0)
		heap_left--;
	heap_live++;
	return 0;
}

static inline int heap_holds(const char *p, size_t size)
{
	size_t len = strlen(heap_secret);

	for (size_t i = 0; i + len <= size; i++)
		if (!memcmp(p + i, heap_secret, len))
			return 1;
	return 0;
}

/* Filled, for all of it is looked at when it is given back. */
static inline void *heap_filled(void *p)
{
	return p ? memset(p, 0xa5, malloc_usable_size(p)) : NULL;
}

void *__wrap_malloc(size_t size)
{
	return heap_out() ? NULL : heap_filled(__real_malloc(size));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return heap_out() ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return heap_out() ? NULL : heap_filled(__real_aligned_alloc(alignment, size));
}

char *__wrap_strdup(const char *s)
{
	char *copy = __wrap_malloc(strlen(s) + 1);

	return copy ? strcpy(copy, s) : NULL;
}

void __wrap_free(void *p)
{
	if (p)
		heap_live--;
	if (p && heap_secret && heap_holds(p, malloc_usable_size(p)))
		heap_leaks++;
	__real_free(p);
}

#endif
