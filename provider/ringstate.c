/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ringstate.c - owns the rings' states and their keys' origins on the board.  Everything is
 * relaxed: a reader beside a writer shows a number of before or after, and decides
 * nothing by it without the record lock.
 */
#include "provider/ringstate.h"

#include "provider/board_mem.h"

#define GET(x) atomic_load_explicit(&(x), memory_order_relaxed)
#define PUT(x, v) atomic_store_explicit(&(x), v, memory_order_relaxed)

static struct tk_ringstate_mem *state_of(const struct tk_board *b, unsigned ring)
{
	size_t stride = (size_t)((char *)b->counts - (char *)b->states) / b->rings;

	return ring < b->rings ? (void *)((char *)b->states + ring * stride) : NULL;
}

static struct tk_origin_mem *origin_of(const struct tk_board *b, unsigned ring, unsigned cell)
{
	struct tk_ringstate_mem *s = state_of(b, ring);

	return s != NULL && cell < TK_CELLS(b->slots) ? (struct tk_origin_mem *)(s + 1) + cell :
							NULL;
}

void tk_ringstate_set_origin(struct tk_board *b, unsigned ring, unsigned cell,
			     const struct tk_origin *o)
{
	struct tk_origin_mem *m = origin_of(b, ring, cell);

	if (m == NULL)
		return;
	PUT(m->added, o->added);
	PUT(m->by, (uint32_t)o->by);
	PUT(m->uid, o->uid);
}

void tk_ringstate_origin(const struct tk_board *b, unsigned ring, unsigned cell,
			 struct tk_origin *out)
{
	const struct tk_origin_mem *m = origin_of(b, ring, cell);
	uint32_t by;

	*out = (struct tk_origin){ 0 };
	if (m == NULL)
		return;
	by = GET(m->by);
	out->added = GET(m->added);
	out->by = by <= TK_BY_TIMER ? (enum tk_by)by : TK_BY_START;
	out->uid = GET(m->uid);
}

bool tk_ringstate_warn(struct tk_board *b, unsigned ring, int64_t since)
{
	struct tk_ringstate_mem *s = state_of(b, ring);

	return s != NULL &&
	       atomic_exchange_explicit(&s->warned, since, memory_order_relaxed) != since;
}

void tk_ringstate_set_file(struct tk_board *b, unsigned ring, uint64_t sum)
{
	struct tk_ringstate_mem *s = state_of(b, ring);

	if (s != NULL)
		PUT(s->file, sum);
}

uint64_t tk_ringstate_file(const struct tk_board *b, unsigned ring)
{
	const struct tk_ringstate_mem *s = state_of(b, ring);

	return s != NULL ? GET(s->file) : 0;
}

void tk_ringstate_set_next(struct tk_board *b, unsigned ring, uint64_t sum)
{
	struct tk_ringstate_mem *s = state_of(b, ring);

	if (s != NULL)
		PUT(s->next, sum);
}

uint64_t tk_ringstate_next(const struct tk_board *b, unsigned ring)
{
	const struct tk_ringstate_mem *s = state_of(b, ring);

	return s != NULL ? GET(s->next) : 0;
}

void tk_ringstate_set_unsaved(struct tk_board *b, unsigned ring, bool unsaved)
{
	struct tk_ringstate_mem *s = state_of(b, ring);

	if (s != NULL)
		PUT(s->unsaved, unsaved);
}

bool tk_ringstate_unsaved(const struct tk_board *b, unsigned ring)
{
	const struct tk_ringstate_mem *s = state_of(b, ring);

	return s != NULL && GET(s->unsaved) != 0;
}
