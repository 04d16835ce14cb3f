/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.c - owns the layout of the shared memory without secrets.  Everything in it is
 * an atomic of fixed width; nothing in it is a pointer, a length that is used unchecked,
 * or a path.  Places of processes that died are taken over by later ones.
 */
#include "provider/board.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "provider/rand.h"
#include "provider/shm.h"

#define MAGIC UINT64_C(0x746b626f61726431) /* tkboard1 */
#define PROCESSES 1024
#define TEXT_WORDS (TK_PROGRAM_LEN / 8)
#define LOCK_BYTE_WRITER 0
#define LOCK_STEP_NS 1000000

struct text_mem {
	_Atomic uint64_t word[TEXT_WORDS];
};

struct process_mem {
	_Atomic uint32_t pid; /* 0: free; claimed by compare-and-swap */
	_Atomic uint32_t uid, euid, role;
	_Atomic int64_t started;
	_Atomic uint32_t hooked, left_alone;
	struct text_mem program;
	uint64_t reserved[8];
};

struct board_mem {
	uint64_t magic;
	uint32_t processes;
	uint32_t creator_euid;
	int64_t created;
	_Atomic uint64_t rotations;
	_Atomic int64_t last_rotation;
	_Atomic uint32_t certs_pid; /* 0: no client certificates seen */
	_Atomic uint32_t next_place;
	struct text_mem certs_program;
	uint64_t reserved[6];
	struct process_mem process[PROCESSES];
};

_Static_assert(sizeof(struct process_mem) == 128, "process entries are two lines");
_Static_assert(offsetof(struct board_mem, process) == 128, "header is two lines");

struct tk_board {
	struct board_mem *mem;
	struct tk_fd fd;
	uid_t creator;
	int64_t created;
	struct process_mem *mine; /* private to the process; NULL: not entered */
};

int tk_board_create(struct tk_board **out, struct tk_error *e)
{
	struct tk_board *b = calloc(1, sizeof(*b));
	void *map;
	int fd, rc;

	*out = NULL;
	if (b == NULL)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	rc = tk_shm_create("tkprov-board", sizeof(struct board_mem), &map, &fd, e);
	if (rc != 0) {
		free(b);
		return rc;
	}
	tk_fd_adopt(&b->fd, fd);
	b->mem = map;
	b->creator = geteuid();
	b->created = tk_now();
	b->mem->magic = MAGIC;
	b->mem->processes = PROCESSES;
	b->mem->creator_euid = b->creator;
	b->mem->created = b->created;
	*out = b;
	return 0;
}

void tk_board_free(struct tk_board **board)
{
	struct tk_board *b = *board;

	*board = NULL;
	if (b == NULL)
		return;
	tk_fd_close(&b->fd);
	munmap(b->mem, sizeof(*b->mem));
	free(b);
}

const struct tk_fd *tk_board_fd(const struct tk_board *b)
{
	return &b->fd;
}

uid_t tk_board_creator(const struct tk_board *b)
{
	return b->creator;
}

int64_t tk_board_created(const struct tk_board *b)
{
	return b->created;
}

static void put_text(struct text_mem *to, const char *text)
{
	char buf[TK_PROGRAM_LEN] = { 0 };
	uint64_t w;

	memcpy(buf, text, strnlen(text, sizeof(buf) - 1));
	for (unsigned i = 0; i < TEXT_WORDS; i++) {
		memcpy(&w, buf + i * 8, 8);
		atomic_store_explicit(&to->word[i], w, memory_order_relaxed);
	}
}

/* What comes out can be printed, whoever wrote it. */
static void get_text(const struct text_mem *from, char out[static TK_PROGRAM_LEN])
{
	uint64_t w;

	for (unsigned i = 0; i < TEXT_WORDS; i++) {
		w = atomic_load_explicit(&from->word[i], memory_order_relaxed);
		memcpy(out + i * 8, &w, 8);
	}
	out[TK_PROGRAM_LEN - 1] = '\0';
	for (char *c = out; *c != '\0'; c++)
		if (!isgraph((unsigned char)*c))
			*c = '?';
}

static bool alive(uint32_t pid)
{
	return pid != 0 && pid <= INT32_MAX && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static bool claim(struct process_mem *p, uint32_t pid)
{
	uint32_t there = atomic_load_explicit(&p->pid, memory_order_relaxed);

	if (there != 0 && there != pid && alive(there))
		return false;
	/* relaxed: the fields are filled in afterwards, and a reader that sees a place
	 * half-filled shows a stale line once */
	return atomic_compare_exchange_strong_explicit(&p->pid, &there, pid, memory_order_relaxed,
						       memory_order_relaxed);
}

void tk_board_register(struct tk_board *b, enum tk_process_role role, const char *program)
{
	uint32_t pid = (uint32_t)getpid();
	uint32_t at = atomic_fetch_add_explicit(&b->mem->next_place, 1, memory_order_relaxed);
	struct process_mem *p = NULL;

	b->mine = NULL;
	for (unsigned i = 0; i < PROCESSES && p == NULL; i++)
		if (claim(&b->mem->process[(at + i) % PROCESSES], pid))
			p = &b->mem->process[(at + i) % PROCESSES];
	if (p == NULL)
		return;
	b->mine = p;
	tk_board_uids(b);
	atomic_store_explicit(&p->role, role, memory_order_relaxed);
	atomic_store_explicit(&p->started, tk_now(), memory_order_relaxed);
	atomic_store_explicit(&p->hooked, 0, memory_order_relaxed);
	atomic_store_explicit(&p->left_alone, 0, memory_order_relaxed);
	put_text(&p->program, program);
}

void tk_board_contexts(struct tk_board *b, unsigned hooked, unsigned left_alone)
{
	if (b->mine == NULL)
		return;
	atomic_store_explicit(&b->mine->hooked, hooked, memory_order_relaxed);
	atomic_store_explicit(&b->mine->left_alone, left_alone, memory_order_relaxed);
}

void tk_board_uids(struct tk_board *b)
{
	if (b->mine == NULL)
		return;
	atomic_store_explicit(&b->mine->uid, getuid(), memory_order_relaxed);
	atomic_store_explicit(&b->mine->euid, geteuid(), memory_order_relaxed);
}

static void copy_process(const struct process_mem *m, uint32_t pid, struct tk_process *p)
{
	uint32_t role = atomic_load_explicit(&m->role, memory_order_relaxed);

	p->pid = (pid_t)pid;
	p->uid = atomic_load_explicit(&m->uid, memory_order_relaxed);
	p->euid = atomic_load_explicit(&m->euid, memory_order_relaxed);
	p->role = role <= TK_PROC_JOINED ? (enum tk_process_role)role : TK_PROC_FORKED;
	p->started = atomic_load_explicit(&m->started, memory_order_relaxed);
	p->contexts_hooked = atomic_load_explicit(&m->hooked, memory_order_relaxed);
	p->contexts_left_alone = atomic_load_explicit(&m->left_alone, memory_order_relaxed);
	get_text(&m->program, p->program);
}

void tk_board_each(const struct tk_board *b, bool (*fn)(const struct tk_process *p, void *arg),
		   void *arg)
{
	struct tk_process p;
	uint32_t pid;

	for (unsigned i = 0; i < PROCESSES; i++) {
		pid = atomic_load_explicit(&b->mem->process[i].pid, memory_order_relaxed);
		if (!alive(pid))
			continue;
		copy_process(&b->mem->process[i], pid, &p);
		if (!fn(&p, arg))
			return;
	}
}

bool tk_board_see_certs(struct tk_board *b, const char *program)
{
	uint32_t none = 0;

	/* The bit is what matters; relaxed, for nothing else is published with it. */
	if (tk_board_certs_seen(b) ||
	    !atomic_compare_exchange_strong_explicit(&b->mem->certs_pid, &none, (uint32_t)getpid(),
						     memory_order_relaxed, memory_order_relaxed))
		return false;
	put_text(&b->mem->certs_program, program);
	return true;
}

bool tk_board_certs_seen(const struct tk_board *b)
{
	return atomic_load_explicit(&b->mem->certs_pid, memory_order_relaxed) != 0;
}

bool tk_board_certs_witness(const struct tk_board *b, pid_t *pid, char out[static TK_PROGRAM_LEN])
{
	*pid = (pid_t)atomic_load_explicit(&b->mem->certs_pid, memory_order_relaxed);
	get_text(&b->mem->certs_program, out);
	return *pid != 0;
}

void tk_board_rotated(struct tk_board *b, int64_t now)
{
	atomic_fetch_add_explicit(&b->mem->rotations, 1, memory_order_relaxed);
	atomic_store_explicit(&b->mem->last_rotation, now, memory_order_relaxed);
}

void tk_board_rotations(const struct tk_board *b, uint64_t *count, int64_t *last)
{
	*count = atomic_load_explicit(&b->mem->rotations, memory_order_relaxed);
	*last = atomic_load_explicit(&b->mem->last_rotation, memory_order_relaxed);
}

static int set_lock(struct tk_board *b, short type)
{
	struct flock fl = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = LOCK_BYTE_WRITER, .l_len = 1
	};

	return fcntl(b->fd.num, F_SETLK, &fl);
}

int tk_board_lock(struct tk_board *b, int deadline_ms)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_NS };
	int64_t end = tk_monotonic_ms() + deadline_ms;

	if (!tk_fd_ok(&b->fd))
		return TK_E_SYS;
	while (set_lock(b, F_WRLCK) == -1) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return TK_E_SYS;
		if (tk_monotonic_ms() >= end)
			return TK_E_BUSY;
		nanosleep(&step, NULL);
	}
	return 0;
}

void tk_board_unlock(struct tk_board *b)
{
	(void)set_lock(b, F_UNLCK);
}
