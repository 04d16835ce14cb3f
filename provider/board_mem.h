/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board_mem.h - the layout of the board, for those who own a part of it: board.c (header,
 * processes, locks), events.c, ringstate.c, counters.c.  Nobody else includes it.
 *
 * Everything is an atomic of fixed width; nothing is a pointer, a length that is used
 * unchecked, or a path.  Where a part lies is computed from the numbers that each process
 * keeps for itself, never from those in shared memory.
 *
 *   header | process[PROCESSES] | event[EVENTS] | per ring: state, cells' origins |
 *   per ring and stripe: a line for each cell and one for unknown names
 */
#ifndef TK_BOARD_MEM_H
#define TK_BOARD_MEM_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "core/ring.h"
#include "provider/board.h"

#define TK_BOARD_PROCESSES 1024
#define TK_BOARD_EVENTS 512
#define TK_BOARD_MINOR 64 /* places of them, the last: see events.c */
#define TK_BOARD_LINE 64
#define TK_BOARD_TEXT_WORDS (TK_PROGRAM_LEN / 8)

struct tk_text_mem {
	_Atomic uint64_t word[TK_BOARD_TEXT_WORDS];
};

/* In tk_process_mem's word, beside the pid: the process's control thread holds a record lock on
 * the place's byte of the board for as long as the process runs this program. */
#define TK_PLACE_GUARDED 0x80000000u
#define TK_PLACE_PID 0x7fffffffu

struct tk_process_mem {
	_Atomic uint32_t word; /* pid, GUARDED; 0: free; changed by compare-and-swap only */
	_Atomic uint32_t uid, euid, role;
	_Atomic int64_t started;
	_Atomic uint32_t hooked, left_alone;
	struct tk_text_mem program;
	_Atomic uint64_t born; /* in the kernel's clock ticks: pids come round again; 0: not known */
	_Atomic uint32_t does; /* TK_DOES_* */
	uint32_t reserved32;
	uint64_t reserved[6];
};

#define TK_EVENT_WORDS 11

struct tk_event_mem {
	_Atomic uint64_t sum; /* of the event's number and the words: see events.c */
	_Atomic uint64_t word[TK_EVENT_WORDS];
	uint64_t reserved[4];
};

struct tk_ringstate_mem {
	_Atomic int64_t warned;    /* the key that encrypts since then was said to be too old */
	_Atomic uint32_t unsaved;  /* 0: it was saved when that was last tried */
	uint32_t reserved32;
	_Atomic uint64_t file, next; /* sums of what the file holds, and is to hold */
	uint64_t reserved[4];
};

struct tk_origin_mem {
	_Atomic int64_t added;
	_Atomic uint32_t by, uid;
};

struct tk_count_mem {
	_Atomic uint64_t n[7];
	_Atomic int64_t last;
};

struct tk_board_mem {
	uint64_t magic;
	uint32_t layout;
	uint32_t creator_euid;
	int64_t created;
	uint32_t rings, slots, stripes, reserved32;
	_Atomic uint64_t rotations;
	_Atomic int64_t last_rotation;
	_Atomic uint32_t certs_pid; /* 0: no client certificates seen */
	_Atomic uint32_t next_place;
	struct tk_text_mem certs_program;
	_Atomic uint64_t next_event;      /* of all: their order */
	_Atomic uint64_t next_place_of[2]; /* of the others, and of the minor ones */
	_Atomic int64_t looked;    /* when somebody last looked after the socket, monotonic ms */
	_Atomic uint32_t beside;
	_Atomic uint32_t listener; /* pid that made the instance's listening socket; 0: none yet */
	_Atomic uint32_t accepts;  /* connections that were taken */
	uint32_t reserved32b;
	uint64_t reserved[6];
	struct tk_process_mem process[TK_BOARD_PROCESSES];
	struct tk_event_mem event[TK_BOARD_EVENTS];
};

_Static_assert(sizeof(struct tk_process_mem) == 2 * TK_BOARD_LINE, "a process is two lines");
_Static_assert(sizeof(struct tk_event_mem) == 2 * TK_BOARD_LINE, "an event is two lines");
_Static_assert(sizeof(struct tk_ringstate_mem) == TK_BOARD_LINE, "a ring's state is one line");
_Static_assert(sizeof(struct tk_origin_mem) == 16, "a key's origin is two words");
_Static_assert(sizeof(struct tk_count_mem) == TK_BOARD_LINE, "counters are one line");
_Static_assert(offsetof(struct tk_board_mem, process) == 3 * TK_BOARD_LINE, "header is three lines");

struct tk_board {
	struct tk_board_mem *mem;
	struct tk_fd fd;
	size_t size;
	uid_t creator;
	int64_t created;
	unsigned rings, slots, stripes;
	struct tk_ringstate_mem *states;   /* rings * state_size */
	struct tk_count_mem *counts;       /* rings * stripes * (cells + 1) */
	struct tk_process_mem *mine;       /* private to the process; NULL: not entered */
};

void tk_text_put(struct tk_text_mem *to, const char *text);

/* What comes out can be printed, whoever wrote it. */
void tk_text_clean(char text[static TK_PROGRAM_LEN]);
void tk_text_get(const struct tk_text_mem *from, char out[static TK_PROGRAM_LEN]);

#endif
