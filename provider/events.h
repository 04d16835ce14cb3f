/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h - who changed or read which keys, and when: the last of them, on the board.
 *
 * What takes no rights to bring about (a denial, a command below admin) has TK_BOARD_MINOR
 * of the TK_BOARD_EVENTS places to itself: however often somebody does it, from however many
 * processes, it pushes out nothing but its like.
 *
 * Any control thread adds, any reads, lock-free.  A writer that dies in the middle leaves
 * an event that nobody sees.
 */
#ifndef TK_EVENTS_H
#define TK_EVENTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "provider/board.h"

#define TK_EVENT_NO_SOCKET UINT32_MAX
#define TK_EVENT_NO_RING UINT32_MAX
/* As command: what nobody asked for. */
#define TK_EVENT_TIMER UINT32_MAX
#define TK_EVENT_START (UINT32_MAX - 1) /* a ring was read from its file */

enum tk_event_result { TK_EVENT_OK, TK_EVENT_NOT_SAVED, TK_EVENT_FAILED, TK_EVENT_DENIED };

struct tk_event {
	int64_t time;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	char program[TK_PROGRAM_LEN]; /* printable */
	unsigned socket;  /* index in the configuration, or TK_EVENT_NO_SOCKET */
	unsigned command; /* enum tk_command_id, or TK_EVENT_TIMER */
	unsigned ring;    /* id, or TK_EVENT_NO_RING */
	uint8_t name[TK_NAME_LEN]; /* of the newest key afterwards; zeroes: none */
	enum tk_event_result result;
};

void tk_events_add(struct tk_board *b, const struct tk_event *ev);

/* The last n, oldest first. */
void tk_events_each(const struct tk_board *b, unsigned n,
		    void (*fn)(const struct tk_event *ev, void *arg), void *arg);

#endif
