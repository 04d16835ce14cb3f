/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - owns the two rings of events on the board, and the order among them.
 *
 * An event is there if its sum fits its number and its words.  Whatever else may stand in a
 * place (nothing yet, half an event of a writer who died, or the words of two, because one
 * slept while all places were written once more) is none, and so no order between the
 * words is needed.
 */
#include "provider/events.h"

#include <string.h>

#include "core/commands.h"
#include "provider/board_mem.h"

#define ORDER_SHIFT 8 /* in one word with the result */

enum kind { MAJOR, MINOR };

_Static_assert(TK_EVENT_WORDS == 5 + TK_NAME_LEN / 8 + TK_PROGRAM_LEN / 8,
	       "an event fills its words");

static uint64_t pair(uint32_t a, uint32_t b)
{
	return (uint64_t)a << 32 | b;
}

static enum kind kind_of(const struct tk_event *ev)
{
	bool below = ev->command < TK_CMD_COUNT &&
		     tk_command_level(&tk_commands[ev->command], 1) < TK_LEVEL_ADMIN;

	return below || ev->result == TK_EVENT_DENIED ? MINOR : MAJOR;
}

static uint64_t places_of(enum kind kind)
{
	return kind == MINOR ? TK_BOARD_MINOR : TK_BOARD_EVENTS - TK_BOARD_MINOR;
}

static struct tk_event_mem *place_of(const struct tk_board *b, enum kind kind, uint64_t n)
{
	uint64_t from = kind == MINOR ? TK_BOARD_EVENTS - TK_BOARD_MINOR : 0;

	return &b->mem->event[from + n % places_of(kind)];
}

static void pack(const struct tk_event *ev, uint64_t order, uint64_t w[static TK_EVENT_WORDS])
{
	w[0] = (uint64_t)ev->time;
	w[1] = pair(ev->uid, ev->gid);
	w[2] = pair((uint32_t)ev->pid, ev->socket);
	w[3] = pair(ev->command, ev->ring);
	w[4] = order << ORDER_SHIFT | (uint64_t)ev->result;
	memcpy(w + 5, ev->name, TK_NAME_LEN);
	memcpy(w + 7, ev->program, TK_PROGRAM_LEN);
}

static void unpack(const uint64_t w[static TK_EVENT_WORDS], struct tk_event *ev)
{
	uint64_t result = w[4] & ((1U << ORDER_SHIFT) - 1);

	ev->time = (int64_t)w[0];
	ev->uid = (uid_t)(w[1] >> 32);
	ev->gid = (gid_t)w[1];
	ev->pid = (pid_t)(w[2] >> 32);
	ev->socket = (unsigned)w[2];
	ev->command = (unsigned)(w[3] >> 32);
	ev->ring = (unsigned)w[3];
	ev->result = result <= TK_EVENT_DENIED ? (enum tk_event_result)result : TK_EVENT_FAILED;
	memcpy(ev->name, w + 5, TK_NAME_LEN);
	memcpy(ev->program, w + 7, TK_PROGRAM_LEN);
	tk_text_clean(ev->program);
}

/* Not 0 for zeroes. */
static uint64_t sum_of(uint64_t n, const uint64_t w[static TK_EVENT_WORDS])
{
	uint64_t sum = (0xcbf29ce484222325U ^ n) * 0x100000001b3U;

	for (unsigned i = 0; i < TK_EVENT_WORDS; i++)
		sum = ((sum ^ w[i]) * 0x9e3779b97f4a7c15U) ^ sum >> 29;
	return sum;
}

void tk_events_add(struct tk_board *b, const struct tk_event *ev)
{
	enum kind kind = kind_of(ev);
	uint64_t order = atomic_fetch_add_explicit(&b->mem->next_event, 1, memory_order_relaxed);
	uint64_t n = atomic_fetch_add_explicit(&b->mem->next_place_of[kind], 1, memory_order_relaxed);
	struct tk_event_mem *m = place_of(b, kind, n);
	uint64_t w[TK_EVENT_WORDS];

	pack(ev, order, w);
	for (unsigned i = 0; i < TK_EVENT_WORDS; i++)
		atomic_store_explicit(&m->word[i], w[i], memory_order_relaxed);
	atomic_store_explicit(&m->sum, sum_of(n, w), memory_order_relaxed);
}

/* Where one kind is read. */
struct reader {
	const struct tk_board *b;
	enum kind kind;
	uint64_t at, end;
	bool has; /* *ev and its order */
	struct tk_event ev;
	uint64_t order;
};

static bool copy_event(struct reader *r)
{
	const struct tk_event_mem *m = place_of(r->b, r->kind, r->at);
	uint64_t w[TK_EVENT_WORDS];

	for (unsigned i = 0; i < TK_EVENT_WORDS; i++)
		w[i] = atomic_load_explicit(&m->word[i], memory_order_relaxed);
	if (atomic_load_explicit(&m->sum, memory_order_relaxed) != sum_of(r->at, w))
		return false;
	unpack(w, &r->ev);
	r->order = w[4] >> ORDER_SHIFT;
	return true;
}

/* On to the next that is one. */
static void advance(struct reader *r)
{
	for (r->has = false; !r->has && r->at < r->end; r->at++)
		r->has = copy_event(r);
}

static struct reader begin(const struct tk_board *b, enum kind kind, uint64_t n)
{
	uint64_t end = atomic_load_explicit(&b->mem->next_place_of[kind], memory_order_relaxed);
	uint64_t last = n < places_of(kind) ? n : places_of(kind);

	return (struct reader){ .b = b, .kind = kind, .at = end > last ? end - last : 0, .end = end };
}

void tk_events_each(const struct tk_board *b, unsigned n,
		    void (*fn)(const struct tk_event *ev, void *arg), void *arg)
{
	struct reader r[] = { begin(b, MAJOR, n), begin(b, MINOR, n) };
	uint64_t all = r[MAJOR].end - r[MAJOR].at + r[MINOR].end - r[MINOR].at;

	advance(&r[MAJOR]);
	advance(&r[MINOR]);
	while (r[MAJOR].has || r[MINOR].has) {
		bool minor = !r[MAJOR].has || (r[MINOR].has && r[MINOR].order < r[MAJOR].order);

		if (all <= n)
			fn(&r[minor].ev, arg);
		else
			all--;
		advance(&r[minor]);
	}
}
