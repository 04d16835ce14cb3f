/* SPDX-License-Identifier: Apache-2.0 */
/* own_malloc.c - preloaded: a program with another malloc, as jemalloc's users are.  What it has not
 * given itself it does not take back: there the process ends.  It never has anything again. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define POOL ((size_t)1 << 32)
#define HEAD 16 /* before each piece: its size */

static char *pool;
static size_t used;

__attribute__((constructor)) static void prepare(void)
{
	if (pool == NULL)
		pool = mmap(NULL, POOL, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

static void must_be_ours(const void *p)
{
	static const char said[] = "own_malloc: that is not mine\n";

	if ((uintptr_t)p - (uintptr_t)pool >= POOL) {
		(void)!write(STDERR_FILENO, said, sizeof(said) - 1);
		_exit(99);
	}
}

static void *take(size_t size, size_t align)
{
	size_t whole = (size + HEAD + align + 15) & ~(size_t)15;
	uintptr_t at;

	prepare(); /* the loader takes some before constructors run */
	at = (uintptr_t)pool + __atomic_fetch_add(&used, whole, __ATOMIC_RELAXED) + HEAD;
	at = (at + align - 1) & ~(uintptr_t)(align - 1);
	memcpy((void *)(at - HEAD), &size, sizeof(size));
	return (void *)at;
}

void *malloc(size_t size)
{
	return take(size, 16);
}

void *calloc(size_t n, size_t size)
{
	return take(n * size, 16); /* fresh pages are empty */
}

void free(void *p)
{
	if (p != NULL)
		must_be_ours(p);
}

void *realloc(void *p, size_t size)
{
	void *to = take(size, 16);
	size_t had = 0;

	if (p == NULL)
		return to;
	must_be_ours(p);
	memcpy(&had, (char *)p - HEAD, sizeof(had));
	return memcpy(to, p, had < size ? had : size);
}

void *memalign(size_t align, size_t size)
{
	return take(size, align < 16 ? 16 : align);
}

void *aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	*out = memalign(align, size);
	return 0;
}

size_t malloc_usable_size(void *p)
{
	size_t had = 0;

	if (p != NULL)
		memcpy(&had, (char *)p - HEAD, sizeof(had));
	return had;
}
