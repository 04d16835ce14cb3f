/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - owns the ring of events on the board.  A place is written between two values
 * of its version; a reader takes what has the second one before and after.
 *
 * Words are stored with release and loaded with acquire: who sees a new word also sees
 * that its place is being written again.
 */
#include "provider/events.h"

#include <string.h>

#include "provider/board_mem.h"

#define GET(x) atomic_load_explicit(&(x), memory_order_acquire) /* pairs with PUT */
#define PUT(x, v) atomic_store_explicit(&(x), v, memory_order_release) /* pairs with GET */

void tk_events_add(struct tk_board *b, const struct tk_event *ev)
{
	uint64_t n = atomic_fetch_add_explicit(&b->mem->next_event, 1, memory_order_relaxed);
	struct tk_event_mem *m = &b->mem->event[n % TK_BOARD_EVENTS];
	uint64_t w[2];

	memcpy(w, ev->name, sizeof(w));
	PUT(m->version, 2 * n + 1);
	PUT(m->time, ev->time);
	PUT(m->uid, ev->uid);
	PUT(m->gid, ev->gid);
	PUT(m->pid, (uint32_t)ev->pid);
	PUT(m->socket, ev->socket);
	PUT(m->command, ev->command);
	PUT(m->ring, ev->ring);
	PUT(m->result, (uint32_t)ev->result);
	PUT(m->name[0], w[0]);
	PUT(m->name[1], w[1]);
	tk_text_put(&m->program, ev->program);
	PUT(m->version, 2 * n + 2);
}

static bool copy_event(const struct tk_event_mem *m, uint64_t n, struct tk_event *ev)
{
	uint64_t w[2];
	uint32_t result;

	if (GET(m->version) != 2 * n + 2)
		return false;
	ev->time = GET(m->time);
	ev->uid = GET(m->uid);
	ev->gid = GET(m->gid);
	ev->pid = (pid_t)GET(m->pid);
	ev->socket = GET(m->socket);
	ev->command = GET(m->command);
	ev->ring = GET(m->ring);
	result = GET(m->result);
	ev->result = result <= TK_EVENT_DENIED ? (enum tk_event_result)result : TK_EVENT_FAILED;
	w[0] = GET(m->name[0]);
	w[1] = GET(m->name[1]);
	memcpy(ev->name, w, sizeof(w));
	tk_text_get(&m->program, ev->program);
	return GET(m->version) == 2 * n + 2;
}

void tk_events_each(const struct tk_board *b, unsigned n,
		    void (*fn)(const struct tk_event *ev, void *arg), void *arg)
{
	uint64_t end = GET(b->mem->next_event);
	uint64_t last = n < TK_BOARD_EVENTS ? n : TK_BOARD_EVENTS;
	struct tk_event ev;

	for (uint64_t i = end > last ? end - last : 0; i < end; i++)
		if (copy_event(&b->mem->event[i % TK_BOARD_EVENTS], i, &ev))
			fn(&ev, arg);
}
