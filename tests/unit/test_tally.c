/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tally.c - what lies on the board of rings: counters from many threads and
 * processes, origins of keys, events; and that nothing out of range is touched.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ring.h"
#include "provider/counters.h"
#include "core/commands.h"
#include "provider/events.h"
#include "provider/ringstate.h"
#include "unit.h"

#define RINGS 3
#define SLOTS 4
#define CELLS TK_CELLS(SLOTS)

static struct tk_board *new_board(unsigned rings)
{
	struct tk_board *b;
	struct tk_error e;

	if (tk_board_create(&b, rings, SLOTS, &e) != 0) {
		printf("%s\n", e.text);
		exit(1);
	}
	return b;
}

static uint64_t count_of(const struct tk_board *b, unsigned ring, unsigned cell, enum tk_counter c)
{
	struct tk_counts counts;

	tk_counters_read(b, ring, cell, &counts);
	return counts.n[c];
}

/* Every counter of every cell of every ring is its own. */
static void each_its_own(void)
{
	struct tk_board *b = new_board(RINGS);
	unsigned n = 0;

	for (unsigned ring = 0; ring < RINGS; ring++)
		for (unsigned cell = 0; cell < CELLS; cell++)
			for (unsigned c = 0; c < TK_COUNTERS; c++, n++)
				for (unsigned i = 0; i <= n; i++)
					tk_count(b, ring, cell, (enum tk_counter)c);
	n = 0;
	for (unsigned ring = 0; ring < RINGS; ring++)
		for (unsigned cell = 0; cell < CELLS; cell++)
			for (unsigned c = 0; c < TK_COUNTERS; c++, n++)
				CHECK(count_of(b, ring, cell, (enum tk_counter)c) == n + 1,
				      "ring %u cell %u counter %u", ring, cell, c);
	tk_counters_reset(b, 1, 2);
	for (unsigned c = 0; c < TK_COUNTERS; c++) {
		CU_ASSERT_EQUAL(count_of(b, 1, 2, (enum tk_counter)c), 0);
		CU_ASSERT_NOT_EQUAL(count_of(b, 1, 1, (enum tk_counter)c), 0);
		CU_ASSERT_NOT_EQUAL(count_of(b, 1, 3, (enum tk_counter)c), 0);
		CU_ASSERT_NOT_EQUAL(count_of(b, 2, 2, (enum tk_counter)c), 0);
	}
	tk_counters_clear(b);
	for (unsigned ring = 0; ring < RINGS; ring++)
		for (unsigned cell = 0; cell < CELLS; cell++)
			CU_ASSERT_EQUAL(count_of(b, ring, cell, TK_COUNT_ISSUED), 0);
	tk_board_free(&b);
}

static void last_used(void)
{
	struct tk_board *b = new_board(RINGS);
	struct tk_counts c;

	tk_count(b, 0, 0, TK_COUNT_PRESENTED);
	tk_count(b, 0, 0, TK_COUNT_FORGED);
	tk_counters_read(b, 0, 0, &c);
	CU_ASSERT_EQUAL(c.last_used, 0);
	tk_count(b, 0, 0, TK_COUNT_RESUMED);
	tk_counters_read(b, 0, 0, &c);
	CU_ASSERT(c.last_used >= 1700000000);
	tk_board_free(&b);
}

static void unknown_names(void)
{
	struct tk_board *b = new_board(RINGS);
	uint8_t name[TK_NAME_LEN] = "sixteen letters", got[TK_NAME_LEN];

	CU_ASSERT_EQUAL(tk_counters_unknown(b, 1, got), 0);
	for (unsigned i = 0; i < 10; i++)
		tk_count_unknown(b, 1, name);
	CU_ASSERT_EQUAL(tk_counters_unknown(b, 1, got), 10);
	CU_ASSERT_EQUAL(memcmp(got, name, TK_NAME_LEN), 0);
	CU_ASSERT_EQUAL(tk_counters_unknown(b, 0, got), 0);
	CU_ASSERT_EQUAL(tk_counters_unknown(b, 2, got), 0);
	for (unsigned cell = 0; cell < CELLS; cell++)
		for (unsigned c = 0; c < TK_COUNTERS; c++)
			CU_ASSERT_EQUAL(count_of(b, 1, cell, (enum tk_counter)c), 0);
	tk_board_free(&b);
}

/* Numbers from a connection's word or from shared memory may be anything. */
static void out_of_range(void)
{
	static const unsigned bad[] = { RINGS, RINGS + 1000, UINT32_MAX - CELLS };
	struct tk_board *b = new_board(RINGS);
	struct tk_origin o = { .added = 5, .by = TK_BY_UID, .uid = 6 }, back;
	struct tk_counts c;
	uint8_t name[TK_NAME_LEN] = { 1 };

	for (size_t i = 0; i < COUNT(bad); i++) {
		tk_count(b, bad[i], 0, TK_COUNT_ISSUED);
		tk_count(b, 0, bad[i] + CELLS, TK_COUNT_ISSUED);
		tk_count_unknown(b, bad[i], name);
		tk_counters_reset(b, bad[i], bad[i]);
		tk_counters_read(b, bad[i], 0, &c);
		CU_ASSERT_EQUAL(c.n[0], 0);
		CU_ASSERT_EQUAL(tk_counters_unknown(b, bad[i], name), 0);
		tk_ringstate_set_origin(b, bad[i], 0, &o);
		tk_ringstate_set_origin(b, 0, bad[i] + CELLS, &o);
		tk_ringstate_origin(b, bad[i], 0, &back);
		CU_ASSERT_EQUAL(back.added, 0);
		tk_ringstate_set_unsaved(b, bad[i], true);
		CU_ASSERT_FALSE(tk_ringstate_unsaved(b, bad[i]));
		tk_ringstate_set_file(b, bad[i], 1);
		tk_ringstate_set_next(b, bad[i], 1);
		CU_ASSERT_EQUAL(tk_ringstate_file(b, bad[i]), 0);
		CU_ASSERT_EQUAL(tk_ringstate_next(b, bad[i]), 0);
		CU_ASSERT_FALSE(tk_ringstate_warn(b, bad[i], 1));
	}
	for (unsigned ring = 0; ring < RINGS; ring++)
		CU_ASSERT_FALSE(tk_ringstate_unsaved(b, ring));
	for (unsigned cell = 0; cell < CELLS; cell++)
		CU_ASSERT_EQUAL(count_of(b, 0, cell, TK_COUNT_ISSUED), 0);
	tk_board_free(&b);
}

static void ring_states(void)
{
	struct tk_board *b = new_board(RINGS);
	struct tk_origin o = { .added = 1, .by = TK_BY_TIMER, .uid = 9 }, back;

	for (unsigned ring = 0; ring < RINGS; ring++)
		for (unsigned cell = 0; cell < CELLS; cell++) {
			o.added++;
			tk_ringstate_set_origin(b, ring, cell, &o);
		}
	o.added = 1;
	for (unsigned ring = 0; ring < RINGS; ring++)
		for (unsigned cell = 0; cell < CELLS; cell++) {
			o.added++;
			tk_ringstate_origin(b, ring, cell, &back);
			CHECK(back.added == o.added && back.by == o.by && back.uid == 9,
			      "ring %u cell %u", ring, cell);
		}
	tk_ringstate_set_file(b, 1, 7);
	tk_ringstate_set_next(b, 1, 8);
	CU_ASSERT_EQUAL(tk_ringstate_file(b, 0), 0);
	CU_ASSERT_EQUAL(tk_ringstate_file(b, 1), 7);
	CU_ASSERT_EQUAL(tk_ringstate_next(b, 1), 8);
	tk_ringstate_set_unsaved(b, 0, true);
	tk_ringstate_set_unsaved(b, 2, true);
	CU_ASSERT_TRUE(tk_ringstate_unsaved(b, 0));
	CU_ASSERT_FALSE(tk_ringstate_unsaved(b, 1));
	tk_ringstate_set_unsaved(b, 0, false);
	CU_ASSERT_FALSE(tk_ringstate_unsaved(b, 0));
	CU_ASSERT_TRUE(tk_ringstate_unsaved(b, 2));
	CU_ASSERT_TRUE(tk_ringstate_warn(b, 0, 7));
	CU_ASSERT_FALSE(tk_ringstate_warn(b, 0, 7));
	CU_ASSERT_TRUE(tk_ringstate_warn(b, 0, 8));
	tk_board_free(&b);
}

#define THREADS 4
#define EACH 20000

static void *count_much(void *arg)
{
	for (unsigned i = 0; i < EACH; i++)
		tk_count(arg, 0, i % CELLS, TK_COUNT_ISSUED);
	return NULL;
}

/* No count is lost between threads and processes, with stripes and without. */
static void none_is_lost(void)
{
	static const unsigned rings[] = { 1, 2000 };

	for (size_t r = 0; r < COUNT(rings); r++) {
		struct tk_board *b = new_board(rings[r]);
		pthread_t t[THREADS];
		uint64_t sum = 0;
		pid_t pid = fork();

		if (pid == 0) {
			count_much(b);
			_exit(0);
		}
		for (unsigned i = 0; i < THREADS; i++)
			pthread_create(&t[i], NULL, count_much, b);
		for (unsigned i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		waitpid(pid, NULL, 0);
		for (unsigned cell = 0; cell < CELLS; cell++)
			sum += count_of(b, 0, cell, TK_COUNT_ISSUED);
		CHECK(sum == (THREADS + 1) * EACH, "%u rings: %llu", rings[r],
		      (unsigned long long)sum);
		tk_board_free(&b);
	}
}

struct seen {
	unsigned n;
	int64_t first, last;
	bool whole, ordered;
};

/* What one writer writes belongs together. */
static struct tk_event make_event(unsigned n)
{
	struct tk_event ev = { .time = n,
			       .uid = n,
			       .gid = n,
			       .pid = (pid_t)n,
			       .socket = n,
			       .command = n,
			       .ring = n,
			       .result = n % 2 ? TK_EVENT_OK : TK_EVENT_DENIED };

	memset(ev.name, (int)(n % 200 + 1), sizeof(ev.name));
	memset(ev.program, 'a' + (int)(n % 26), sizeof(ev.program) - 1);
	ev.program[sizeof(ev.program) - 1] = '\0';
	return ev;
}

static void look(const struct tk_event *ev, void *arg)
{
	struct tk_event want = make_event((unsigned)ev->time);
	struct seen *seen = arg;

	seen->whole &= ev->uid == want.uid && ev->gid == want.gid && ev->pid == want.pid &&
		       ev->socket == want.socket && ev->command == want.command &&
		       ev->ring == want.ring && ev->result == want.result &&
		       !memcmp(ev->name, want.name, sizeof(want.name)) &&
		       !strcmp(ev->program, want.program);
	seen->ordered &= ev->time > seen->last;
	seen->first = seen->n > 0 ? seen->first : ev->time;
	seen->last = ev->time;
	seen->n++;
}

static struct seen look_at(const struct tk_board *b, unsigned n)
{
	struct seen seen = { .whole = true, .ordered = true };

	tk_events_each(b, n, look, &seen);
	return seen;
}

static void events_in_order(void)
{
	struct tk_board *b = new_board(1);
	struct seen seen;

	CU_ASSERT_EQUAL(look_at(b, 50).n, 0);
	for (unsigned n = 1; n <= 2000; n++) {
		struct tk_event ev = make_event(n);

		tk_events_add(b, &ev);
		if (n == 3)
			CU_ASSERT_EQUAL(look_at(b, 50).n, 3);
	}
	seen = look_at(b, 50);
	CU_ASSERT(seen.n == 50 && seen.last == 2000 && seen.whole && seen.ordered);
	seen = look_at(b, 0);
	CU_ASSERT_EQUAL(seen.n, 0);
	seen = look_at(b, UINT32_MAX);
	CU_ASSERT(seen.n == 512 && seen.last == 2000 && seen.whole && seen.ordered);
	tk_board_free(&b);
}

/* However often somebody is denied, by whatever command and process, or does what takes no rights
 * over keys: what was done to the keys stays. */
static void denials_push_out_their_like(void)
{
	struct tk_board *b = new_board(1);
	struct seen seen;

	for (unsigned n = 1; n <= 5100; n++) {
		struct tk_event ev = make_event(n);

		ev.command = n <= 100 ? TK_CMD_ROTATE : n % 3 ? TK_CMD_CLEAR_COUNTERS : TK_CMD_ROTATE;
		ev.result = n > 100 && n % 3 == 0 ? TK_EVENT_DENIED : TK_EVENT_OK;
		tk_events_add(b, &ev);
	}
	seen = look_at(b, 512);
	CHECK(seen.n == 164 && seen.first == 1 && seen.last == 5100 && seen.ordered, "%u from %d",
	      seen.n, (int)seen.first);
	seen = look_at(b, 65);
	CHECK(seen.n == 65 && seen.first == 100 && seen.last == 5100, "%u from %d", seen.n,
	      (int)seen.first);
	tk_board_free(&b);
}

/* Writers beside readers, one of them killed without warning: no event is half of one. */
static void events_are_whole(void)
{
	struct tk_board *b = new_board(1);
	unsigned found = 0;

	for (unsigned round = 0; round < 20; round++) {
		struct seen after;
		pid_t pid[2];

		for (unsigned i = 0; i < 2; i++) {
			pid[i] = fork();
			if (pid[i] == 0)
				for (unsigned n = 1;; n++) {
					struct tk_event ev = make_event(n);

					tk_events_add(b, &ev);
				}
		}
		/* under valgrind they take a while to begin */
		for (unsigned i = 0; i < 100000 && look_at(b, 512).n < 100; i++)
			sched_yield();
		for (unsigned i = 0; i < 30; i++) {
			struct seen seen = look_at(b, 512);

			CHECK(seen.whole, "round %u", round);
			found += seen.n;
		}
		for (unsigned i = 0; i < 2; i++) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
		/* each of the dead may have left a place or two that it was at */
		after = look_at(b, 512);
		CHECK(after.whole && after.n >= 90, "round %u: %u", round, after.n);
		found += after.n;
	}
	CU_ASSERT(found > 1000);
	tk_board_free(&b);
}

static const struct unit_test tests[] = {
	{ "each its own", each_its_own },	{ "last used", last_used },
	{ "unknown names", unknown_names },	{ "out of range", out_of_range },
	{ "ring states", ring_states },		{ "none is lost", none_is_lost },
	{ "events in order", events_in_order }, { "events are whole", events_are_whole },
	{ "denials push out their like", denials_push_out_their_like },
};
UNIT_MAIN("tally", tests)
