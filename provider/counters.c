/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counters.c - owns the lines of counters on the board.  Relaxed throughout: nothing is
 * published with a count.
 */
#include "provider/counters.h"

#include <sched.h>
#include <string.h>

#include "provider/board_mem.h"
#include "provider/clock.h"

enum { UNKNOWN_COUNT, UNKNOWN_NAME }; /* in the line for unknown names */

_Static_assert(TK_COUNTERS == sizeof(((struct tk_count_mem *)0)->n) / sizeof(uint64_t),
	       "a line has room for all counters");

/* Cell TK_CELLS(slots) is the line for unknown names. */
static struct tk_count_mem *line(const struct tk_board *b, unsigned ring, unsigned stripe,
				 unsigned cell)
{
	size_t lines = TK_CELLS(b->slots) + 1;

	if (ring >= b->rings || cell >= lines)
		return NULL;
	return &b->counts[((size_t)ring * b->stripes + stripe) * lines + cell];
}

/* Which one does not matter, as long as neighbours take different ones.  There is a power of two
 * of them. */
static unsigned my_stripe(const struct tk_board *b)
{
	int cpu = b->stripes > 1 ? sched_getcpu() : 0;

	return cpu > 0 ? (unsigned)cpu & (b->stripes - 1) : 0;
}

/* A key's line; NULL where there is none. */
static struct tk_count_mem *line_of_key(const struct tk_board *b, unsigned ring, unsigned cell)
{
	return cell < TK_CELLS(b->slots) ? line(b, ring, my_stripe(b), cell) : NULL;
}

void tk_count_now(struct tk_count_mem *m, enum tk_counter what)
{
	if (m == NULL)
		return;
	atomic_fetch_add_explicit(&m->n[what], 1, memory_order_relaxed);
	if (what == TK_COUNT_ISSUED || what == TK_COUNT_RESUMED)
		atomic_store_explicit(&m->last, tk_now(), memory_order_relaxed);
}

void tk_count(struct tk_board *b, unsigned ring, unsigned cell, enum tk_counter what)
{
	tk_count_now(line_of_key(b, ring, cell), what);
}

struct tk_count_mem *tk_count_soon(const struct tk_board *b, unsigned ring, unsigned cell)
{
	struct tk_count_mem *m = line_of_key(b, ring, cell);

	if (m != NULL)
		__builtin_prefetch(m, 1);
	return m;
}

void tk_count_unknown(struct tk_board *b, unsigned ring, const uint8_t name[static TK_NAME_LEN])
{
	struct tk_count_mem *m = line(b, ring, my_stripe(b), TK_CELLS(b->slots));
	uint64_t w[2];

	if (m == NULL)
		return;
	memcpy(w, name, sizeof(w));
	atomic_fetch_add_explicit(&m->n[UNKNOWN_COUNT], 1, memory_order_relaxed);
	for (unsigned i = 0; i < 2; i++)
		atomic_store_explicit(&m->n[UNKNOWN_NAME + i], w[i], memory_order_relaxed);
	atomic_store_explicit(&m->last, tk_now(), memory_order_relaxed);
}

void tk_counters_read(const struct tk_board *b, unsigned ring, unsigned cell, struct tk_counts *out)
{
	memset(out, 0, sizeof(*out));
	for (unsigned stripe = 0; stripe < b->stripes; stripe++) {
		const struct tk_count_mem *m = line(b, ring, stripe, cell);
		int64_t last;

		if (m == NULL || cell == TK_CELLS(b->slots))
			return;
		for (unsigned i = 0; i < TK_COUNTERS; i++)
			out->n[i] += atomic_load_explicit(&m->n[i], memory_order_relaxed);
		last = atomic_load_explicit(&m->last, memory_order_relaxed);
		if (last > out->last_used)
			out->last_used = last;
	}
}

uint64_t tk_counters_unknown(const struct tk_board *b, unsigned ring,
			     uint8_t name[static TK_NAME_LEN])
{
	uint64_t n = 0, w[2] = { 0, 0 };
	int64_t latest = 0;

	for (unsigned stripe = 0; stripe < b->stripes; stripe++) {
		const struct tk_count_mem *m = line(b, ring, stripe, TK_CELLS(b->slots));
		int64_t last;

		if (m == NULL)
			break;
		n += atomic_load_explicit(&m->n[UNKNOWN_COUNT], memory_order_relaxed);
		last = atomic_load_explicit(&m->last, memory_order_relaxed);
		if (last <= latest)
			continue;
		latest = last;
		for (unsigned i = 0; i < 2; i++)
			w[i] = atomic_load_explicit(&m->n[UNKNOWN_NAME + i], memory_order_relaxed);
	}
	memcpy(name, w, sizeof(w));
	return n;
}

static void clear(struct tk_count_mem *m)
{
	for (unsigned i = 0; i < TK_COUNTERS; i++)
		atomic_store_explicit(&m->n[i], 0, memory_order_relaxed);
	atomic_store_explicit(&m->last, 0, memory_order_relaxed);
}

void tk_counters_reset(struct tk_board *b, unsigned ring, unsigned cell)
{
	for (unsigned stripe = 0; stripe < b->stripes; stripe++) {
		struct tk_count_mem *m = line(b, ring, stripe, cell);

		if (m != NULL)
			clear(m);
	}
}

void tk_counters_clear(struct tk_board *b)
{
	for (unsigned ring = 0; ring < b->rings; ring++)
		for (unsigned cell = 0; cell <= TK_CELLS(b->slots); cell++)
			tk_counters_reset(b, ring, cell);
}
