/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - owns the ring of events on the board.
 *
 * An event is there if its sum fits its number and its words.  Whatever else may stand in a
 * place (nothing yet, half an event of a writer who died, or the words of two, because one
 * slept while all places were written once more) is none, and so no order between the
 * words is needed.
 */
#include "provider/events.h"

#include <string.h>

#include "provider/board_mem.h"

_Static_assert(TK_EVENT_WORDS == 5 + TK_NAME_LEN / 8 + TK_PROGRAM_LEN / 8,
	       "an event fills its words");

static uint64_t pair(uint32_t a, uint32_t b)
{
	return (uint64_t)a << 32 | b;
}

static void pack(const struct tk_event *ev, uint64_t w[static TK_EVENT_WORDS])
{
	w[0] = (uint64_t)ev->time;
	w[1] = pair(ev->uid, ev->gid);
	w[2] = pair((uint32_t)ev->pid, ev->socket);
	w[3] = pair(ev->command, ev->ring);
	w[4] = (uint64_t)ev->result;
	memcpy(w + 5, ev->name, TK_NAME_LEN);
	memcpy(w + 7, ev->program, TK_PROGRAM_LEN);
}

static void unpack(const uint64_t w[static TK_EVENT_WORDS], struct tk_event *ev)
{
	ev->time = (int64_t)w[0];
	ev->uid = (uid_t)(w[1] >> 32);
	ev->gid = (gid_t)w[1];
	ev->pid = (pid_t)(w[2] >> 32);
	ev->socket = (unsigned)w[2];
	ev->command = (unsigned)(w[3] >> 32);
	ev->ring = (unsigned)w[3];
	ev->result = w[4] <= TK_EVENT_DENIED ? (enum tk_event_result)w[4] : TK_EVENT_FAILED;
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
	uint64_t n = atomic_fetch_add_explicit(&b->mem->next_event, 1, memory_order_relaxed);
	struct tk_event_mem *m = &b->mem->event[n % TK_BOARD_EVENTS];
	uint64_t w[TK_EVENT_WORDS];

	pack(ev, w);
	for (unsigned i = 0; i < TK_EVENT_WORDS; i++)
		atomic_store_explicit(&m->word[i], w[i], memory_order_relaxed);
	atomic_store_explicit(&m->sum, sum_of(n, w), memory_order_relaxed);
}

static bool copy_event(const struct tk_event_mem *m, uint64_t n, struct tk_event *ev)
{
	uint64_t w[TK_EVENT_WORDS];

	for (unsigned i = 0; i < TK_EVENT_WORDS; i++)
		w[i] = atomic_load_explicit(&m->word[i], memory_order_relaxed);
	if (atomic_load_explicit(&m->sum, memory_order_relaxed) != sum_of(n, w))
		return false;
	unpack(w, ev);
	return true;
}

void tk_events_each(const struct tk_board *b, unsigned n,
		    void (*fn)(const struct tk_event *ev, void *arg), void *arg)
{
	uint64_t end = atomic_load_explicit(&b->mem->next_event, memory_order_relaxed);
	uint64_t last = n < TK_BOARD_EVENTS ? n : TK_BOARD_EVENTS;
	struct tk_event ev;

	for (uint64_t i = end > last ? end - last : 0; i < end; i++)
		if (copy_event(&b->mem->event[i % TK_BOARD_EVENTS], i, &ev))
			fn(&ev, arg);
}
