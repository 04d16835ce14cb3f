/* SPDX-License-Identifier: Apache-2.0 */
/*
 * board.c - owns the board's memory: its making, the table of processes, what was seen of
 * client certificates, the record locks.  Places of processes that died are taken over
 * by later ones.
 */
#include "provider/board.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "provider/board_mem.h"
#include "provider/clock.h"
#include "provider/shm.h"

#define MAGIC UINT64_C(0x746b626f61726400) /* tkboard */
#define LAYOUT 6
#define GUARDS 64 /* the byte of the first place; far from those of enum tk_board_lock */
#define PROC_TEXT 1024
#define LOCK_STEP_NS 1000000
#define STRIPES_MAX 8
#define STRIPES_IN_ALL 1024 /* as long as there are few rings */

/* Few rings: processors count each for itself.  Many: memory counts more. */
static unsigned stripes_for(unsigned rings)
{
	unsigned n = STRIPES_MAX;

	while (n > 1 && n * rings > STRIPES_IN_ALL)
		n /= 2;
	return n;
}

static size_t state_size(unsigned slots)
{
	size_t size = sizeof(struct tk_ringstate_mem) +
		      TK_CELLS(slots) * sizeof(struct tk_origin_mem);

	return (size + TK_BOARD_LINE - 1) / TK_BOARD_LINE * TK_BOARD_LINE;
}

static size_t count_size(const struct tk_board *b)
{
	return b->stripes * (TK_CELLS(b->slots) + 1) * sizeof(struct tk_count_mem);
}

static void describe(struct tk_board *b)
{
	struct tk_board_mem *m = b->mem;

	b->states = (void *)((char *)m + sizeof(*m));
	b->counts = (void *)((char *)b->states + b->rings * state_size(b->slots));
	b->creator = geteuid();
	b->created = tk_now();
	m->magic = MAGIC;
	m->layout = LAYOUT;
	m->rings = b->rings;
	m->slots = b->slots;
	m->stripes = b->stripes;
	m->creator_euid = b->creator;
	m->created = b->created;
}

int tk_board_create(struct tk_board **out, unsigned rings, unsigned slots, struct tk_error *e)
{
	struct tk_board *b = calloc(1, sizeof(*b));
	void *map;
	int fd, rc;

	*out = NULL;
	if (b == NULL)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	b->rings = rings;
	b->slots = slots;
	b->stripes = stripes_for(rings);
	b->size = sizeof(*b->mem) + rings * (state_size(slots) + count_size(b));
	rc = tk_shm_create("tkprov-board", b->size, &map, &fd, e);
	if (rc != 0) {
		free(b);
		return rc;
	}
	tk_fd_adopt(&b->fd, fd);
	b->mem = map;
	describe(b);
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
	munmap(b->mem, b->size);
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

void tk_text_put(struct tk_text_mem *to, const char *text)
{
	char buf[TK_PROGRAM_LEN] = { 0 };
	uint64_t w;

	memcpy(buf, text, strnlen(text, sizeof(buf) - 1));
	for (unsigned i = 0; i < TK_BOARD_TEXT_WORDS; i++) {
		memcpy(&w, buf + i * 8, 8);
		atomic_store_explicit(&to->word[i], w, memory_order_relaxed);
	}
}

void tk_text_clean(char text[static TK_PROGRAM_LEN])
{
	text[TK_PROGRAM_LEN - 1] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if (!isgraph((unsigned char)*c))
			*c = '?';
}

void tk_text_get(const struct tk_text_mem *from, char out[static TK_PROGRAM_LEN])
{
	uint64_t w;

	for (unsigned i = 0; i < TK_BOARD_TEXT_WORDS; i++) {
		w = atomic_load_explicit(&from->word[i], memory_order_relaxed);
		memcpy(out + i * 8, &w, 8);
	}
	tk_text_clean(out);
}

/* The beginning of a file of /proc/PID, as text. */
static bool read_proc(pid_t pid, const char *file, char text[static PROC_TEXT])
{
	char path[40];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	n = read(fd, text, PROC_TEXT - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* The start of a process in clock ticks since the boot.  False where /proc does not say: in a
 * chroot, or mounted with hidepid.  0: it has ended and waits for its parent. */
static bool born_at(pid_t pid, uint64_t *born)
{
	unsigned long long ticks = 0;
	char text[PROC_TEXT], *p;
	char state = 'Z';

	if (!read_proc(pid, "stat", text))
		return false;
	p = strrchr(text, ')'); /* the name before it may have any bytes */
	if (p == NULL ||
	    sscanf(p + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
			  "%*d %llu", &state, &ticks) != 2)
		return false;
	*born = state == 'Z' ? 0 : ticks;
	return true;
}

static struct flock byte_lock(off_t byte, short type)
{
	return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
}

/* False: it cannot be seen from here. */
static bool ask_guard(const struct tk_board *b, unsigned place, bool *alive)
{
	struct flock fl = byte_lock(GUARDS + place, F_WRLCK);

	/* Nobody is told of his own locks. */
	*alive = &b->mem->process[place] == b->mine;
	if (*alive)
		return true;
	if (!tk_fd_ok(&b->fd) || fcntl(b->fd.num, F_GETLK, &fl) == -1)
		return false;
	*alive = fl.l_type != F_UNLCK;
	return true;
}

/* Does whoever entered this word live, and run the program that he entered?  Where no thread
 * guards the place (it does not stand yet, or shares the server's table) the pid says so, and the
 * time of its start, for pids come round again. */
static bool is_alive(const struct tk_board *b, unsigned place, uint32_t word)
{
	const struct tk_process_mem *p = &b->mem->process[place];
	uint64_t born = atomic_load_explicit(&p->born, memory_order_relaxed), there;
	pid_t pid = (pid_t)(word & TK_PLACE_PID);
	bool alive;

	if (pid == 0)
		return false;
	if ((word & TK_PLACE_GUARDED) != 0 && ask_guard(b, place, &alive))
		return alive;
	if (kill(pid, 0) == -1 && errno != EPERM)
		return false;
	return born == 0 || !born_at(pid, &there) || there == born;
}

static bool claim(struct tk_board *b, unsigned place, uint32_t pid)
{
	struct tk_process_mem *p = &b->mem->process[place];
	uint32_t there = atomic_load_explicit(&p->word, memory_order_relaxed);

	if (there != 0 && (there & TK_PLACE_PID) != pid && is_alive(b, place, there))
		return false;
	/* relaxed: the fields are filled in afterwards, and a reader that sees a place
	 * half-filled shows a stale line once */
	return atomic_compare_exchange_strong_explicit(&p->word, &there, pid, memory_order_relaxed,
						       memory_order_relaxed);
}

void tk_board_register(struct tk_board *b, enum tk_process_role role, const char *program)
{
	uint32_t pid = (uint32_t)getpid();
	uint32_t at = atomic_fetch_add_explicit(&b->mem->next_place, 1, memory_order_relaxed);
	struct tk_process_mem *p = NULL;
	uint64_t born;

	b->mine = NULL;
	for (unsigned i = 0; i < TK_BOARD_PROCESSES && p == NULL; i++)
		if (claim(b, (at + i) % TK_BOARD_PROCESSES, pid))
			p = &b->mem->process[(at + i) % TK_BOARD_PROCESSES];
	if (p == NULL)
		return;
	b->mine = p;
	atomic_store_explicit(&p->born, born_at((pid_t)pid, &born) ? born : 0, memory_order_relaxed);
	atomic_store_explicit(&p->does, 0, memory_order_relaxed);
	tk_board_uids(b);
	atomic_store_explicit(&p->role, role, memory_order_relaxed);
	atomic_store_explicit(&p->started, tk_now(), memory_order_relaxed);
	atomic_store_explicit(&p->hooked, 0, memory_order_relaxed);
	atomic_store_explicit(&p->left_alone, 0, memory_order_relaxed);
	tk_text_put(&p->program, program);
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

void tk_board_guard(struct tk_board *b)
{
	uint32_t word = (uint32_t)getpid();
	struct flock fl;

	if (b->mine == NULL || !tk_fd_ok(&b->fd))
		return;
	fl = byte_lock(GUARDS + (b->mine - b->mem->process), F_WRLCK);
	/* The word after the lock: whoever sees it finds the lock. */
	if (fcntl(b->fd.num, F_SETLK, &fl) == 0)
		(void)atomic_compare_exchange_strong_explicit(&b->mine->word, &word,
							      word | TK_PLACE_GUARDED,
							      memory_order_relaxed,
							      memory_order_relaxed);
}

void tk_board_does(struct tk_board *b, unsigned does)
{
	if (b->mine != NULL)
		atomic_store_explicit(&b->mine->does, does, memory_order_relaxed);
}

/* Servers change their ids when they like, and what a process has entered itself is as old as
 * its last command. */
static void look_up_ids(struct tk_process *p)
{
	char text[PROC_TEXT], *line;
	unsigned uid, euid;

	if (!read_proc(p->pid, "status", text))
		return;
	line = strstr(text, "\nUid:");
	if (line == NULL || sscanf(line, "\nUid: %u %u", &uid, &euid) != 2)
		return;
	p->uid = uid;
	p->euid = euid;
}

static void copy_process(const struct tk_process_mem *m, uint32_t word, struct tk_process *p)
{
	uint32_t role = atomic_load_explicit(&m->role, memory_order_relaxed);

	p->pid = (pid_t)(word & TK_PLACE_PID);
	p->does = atomic_load_explicit(&m->does, memory_order_relaxed);
	p->uid = atomic_load_explicit(&m->uid, memory_order_relaxed);
	p->euid = atomic_load_explicit(&m->euid, memory_order_relaxed);
	p->role = role <= TK_PROC_JOINED ? (enum tk_process_role)role : TK_PROC_FORKED;
	p->started = atomic_load_explicit(&m->started, memory_order_relaxed);
	p->contexts_hooked = atomic_load_explicit(&m->hooked, memory_order_relaxed);
	p->contexts_left_alone = atomic_load_explicit(&m->left_alone, memory_order_relaxed);
	tk_text_get(&m->program, p->program);
	look_up_ids(p);
}

void tk_board_each(const struct tk_board *b, bool (*fn)(const struct tk_process *p, void *arg),
		   void *arg)
{
	struct tk_process p;
	uint32_t word;

	for (unsigned i = 0; i < TK_BOARD_PROCESSES; i++) {
		word = atomic_load_explicit(&b->mem->process[i].word, memory_order_relaxed);
		if (!is_alive(b, i, word))
			continue;
		copy_process(&b->mem->process[i], word, &p);
		if (!fn(&p, arg))
			return;
	}
}

void tk_board_set_beside(struct tk_board *b, bool beside)
{
	atomic_store_explicit(&b->mem->beside, beside, memory_order_relaxed);
}

bool tk_board_beside(const struct tk_board *b)
{
	return atomic_load_explicit(&b->mem->beside, memory_order_relaxed) != 0;
}

void tk_board_set_listener(struct tk_board *b, pid_t pid)
{
	atomic_store_explicit(&b->mem->listener, (uint32_t)pid, memory_order_relaxed);
}

pid_t tk_board_listener(const struct tk_board *b)
{
	return (pid_t)atomic_load_explicit(&b->mem->listener, memory_order_relaxed);
}

void tk_board_accept(struct tk_board *b)
{
	atomic_fetch_add_explicit(&b->mem->accepts, 1, memory_order_relaxed);
}

uint32_t tk_board_accepts(const struct tk_board *b)
{
	return atomic_load_explicit(&b->mem->accepts, memory_order_relaxed);
}

bool tk_board_turn(struct tk_board *b, int64_t now_ms, int64_t period)
{
	int64_t last = atomic_load_explicit(&b->mem->looked, memory_order_relaxed);

	/* Whoever had it may have read the clock after us; from far in the future nobody could
	 * have written that. */
	if (now_ms - last < period && last - now_ms < period)
		return false;
	return atomic_compare_exchange_strong_explicit(&b->mem->looked, &last, now_ms,
						       memory_order_relaxed, memory_order_relaxed);
}

bool tk_board_see_certs(struct tk_board *b, const char *program)
{
	uint32_t none = 0;

	/* The bit is what matters; relaxed, for nothing else is published with it. */
	if (tk_board_certs_seen(b) ||
	    !atomic_compare_exchange_strong_explicit(&b->mem->certs_pid, &none, (uint32_t)getpid(),
						     memory_order_relaxed, memory_order_relaxed))
		return false;
	tk_text_put(&b->mem->certs_program, program);
	return true;
}

bool tk_board_certs_seen(const struct tk_board *b)
{
	return atomic_load_explicit(&b->mem->certs_pid, memory_order_relaxed) != 0;
}

bool tk_board_certs_witness(const struct tk_board *b, pid_t *pid, char out[static TK_PROGRAM_LEN])
{
	*pid = (pid_t)atomic_load_explicit(&b->mem->certs_pid, memory_order_relaxed);
	tk_text_get(&b->mem->certs_program, out);
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

static int set_lock(struct tk_board *b, enum tk_board_lock which, short type)
{
	struct flock fl = byte_lock((off_t)which, type);

	return fcntl(b->fd.num, F_SETLK, &fl);
}

int tk_board_lock(struct tk_board *b, enum tk_board_lock which, int deadline_ms)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_NS };
	int64_t end = tk_monotonic_ms() + deadline_ms;

	if (!tk_fd_ok(&b->fd))
		return TK_E_SYS;
	while (set_lock(b, which, F_WRLCK) == -1) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return TK_E_SYS;
		if (tk_monotonic_ms() >= end)
			return TK_E_BUSY;
		nanosleep(&step, NULL);
	}
	return 0;
}

void tk_board_unlock(struct tk_board *b, enum tk_board_lock which)
{
	(void)set_lock(b, which, F_UNLCK);
}
