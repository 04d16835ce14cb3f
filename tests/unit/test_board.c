/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_board.c - the record lock between processes, the places of processes, and what is
 * remembered of client certificates.
 */
#include "provider/board.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "provider/epoch.h"
#include "unit.h"

static struct tk_board *new_board(void)
{
	struct tk_board *b;
	struct tk_error e;

	if (tk_board_create(&b, 4, 3, &e) != 0) {
		printf("%s\n", e.text);
		exit(1);
	}
	return b;
}

/* Runs fn in a child; its result is the child's exit status. */
static int in_child(int (*fn)(struct tk_board *), struct tk_board *b)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(fn(b) & 0xff);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static int try_lock(struct tk_board *b)
{
	return -tk_board_lock(b, TK_LOCK_KEYS, 20);
}

static int lock_and_die(struct tk_board *b)
{
	if (tk_board_lock(b, TK_LOCK_KEYS, 20) == 0)
		kill(getpid(), SIGKILL);
	return 1;
}

static void lock_excludes_other_processes(void)
{
	struct tk_board *b = new_board();

	CU_ASSERT_EQUAL(tk_board_lock(b, TK_LOCK_KEYS, 0), 0);
	CU_ASSERT_EQUAL(in_child(try_lock, b), -TK_E_BUSY);
	tk_board_unlock(b, TK_LOCK_KEYS);
	CU_ASSERT_EQUAL(in_child(try_lock, b), 0);
	tk_board_free(&b);
}

static void dead_holder_frees_the_lock(void)
{
	struct tk_board *b = new_board();

	CU_ASSERT_EQUAL(in_child(lock_and_die, b), 255);
	CU_ASSERT_EQUAL(tk_board_lock(b, TK_LOCK_KEYS, 0), 0);
	tk_board_free(&b);
}

static void lock_without_descriptor(void)
{
	struct tk_board *b = new_board();

	close(tk_board_fd(b)->num);
	CU_ASSERT_EQUAL(tk_board_lock(b, TK_LOCK_KEYS, 0), TK_E_SYS);
	tk_board_free(&b);
}

static bool count(const struct tk_process *p, void *arg)
{
	(void)p;
	++*(unsigned *)arg;
	return true;
}

static int enter(struct tk_board *b)
{
	tk_board_register(b, TK_PROC_FORKED, "child");
	return 0;
}

static int enter_and_count(struct tk_board *b)
{
	unsigned n = 0;

	enter(b);
	tk_board_each(b, count, &n);
	return (int)n;
}

static void places_of_the_dead_are_taken_over(void)
{
	struct tk_board *b = new_board();
	unsigned n = 0;

	tk_board_register(b, TK_PROC_CREATOR, "a name that is longer than there is room for");
	for (unsigned i = 0; i < 1500; i++)
		in_child(enter, b);
	tk_board_each(b, count, &n);
	CU_ASSERT_EQUAL(n, 1);
	CU_ASSERT_EQUAL(in_child(enter_and_count, b), 2);
	tk_board_free(&b);
}

static bool check_me(const struct tk_process *p, void *arg)
{
	*(bool *)arg = p->pid == getpid() && p->uid == getuid() && p->role == TK_PROC_CREATOR &&
		       strcmp(p->program, "odd?name") == 0 && p->contexts_hooked == 5 &&
		       p->contexts_left_alone == 2;
	return true;
}

static void process_is_shown_printable(void)
{
	struct tk_board *b = new_board();
	bool right = false;

	tk_board_register(b, TK_PROC_CREATOR, "odd\tname");
	tk_board_contexts(b, 5, 2);
	tk_board_each(b, check_me, &right);
	CU_ASSERT_TRUE(right);
	tk_board_free(&b);
}

static int see(struct tk_board *b)
{
	return tk_board_see_certs(b, "nginx");
}

static void certificates_stay_seen(void)
{
	struct tk_board *b = new_board();
	char program[TK_PROGRAM_LEN];
	pid_t pid;

	CU_ASSERT_FALSE(tk_board_certs_seen(b));
	CU_ASSERT_FALSE(tk_board_certs_witness(b, &pid, program));
	CU_ASSERT_EQUAL(in_child(see, b), 1);
	CU_ASSERT_TRUE(tk_board_certs_seen(b));
	CU_ASSERT_FALSE(tk_board_see_certs(b, "later"));
	CU_ASSERT_TRUE(tk_board_certs_witness(b, &pid, program));
	CU_ASSERT_STRING_EQUAL(program, "nginx");
	CU_ASSERT_NOT_EQUAL(pid, getpid());
	tk_board_free(&b);
}

static int differs(struct tk_board *parent_epoch)
{
	return tk_epoch() != (uint64_t)(uintptr_t)parent_epoch;
}

/* Also without fork handlers: none are registered here. */
/* Processes read the clock before they ask: who asks later may have read it earlier. */
static void one_turn_in_a_period(void)
{
	struct tk_board *b = new_board();

	CU_ASSERT_TRUE(tk_board_turn(b, 10000, 3000));
	CU_ASSERT_FALSE(tk_board_turn(b, 10000, 3000));
	CU_ASSERT_FALSE(tk_board_turn(b, 9999, 3000));
	CU_ASSERT_FALSE(tk_board_turn(b, 12999, 3000));
	CU_ASSERT_TRUE(tk_board_turn(b, 13000, 3000));
	CU_ASSERT_TRUE(tk_board_turn(b, 10000, 3000)); /* 13000 is nonsense by now */
	tk_board_free(&b);
}

static void epoch_differs_in_every_descendant(void)
{
	uint64_t mine;

	CU_ASSERT_EQUAL(tk_epoch_init(), 0);
	mine = tk_epoch();
	CU_ASSERT_NOT_EQUAL(mine, 0);
	CU_ASSERT_EQUAL(tk_epoch(), mine);
	CU_ASSERT_EQUAL(in_child(differs, (struct tk_board *)(uintptr_t)mine), 1);
	CU_ASSERT_EQUAL(tk_epoch(), mine);
	tk_epoch_forked();
	CU_ASSERT_NOT_EQUAL(tk_epoch(), mine);
}

static const struct unit_test tests[] = {
	{ "lock excludes other processes", lock_excludes_other_processes },
	{ "dead holder frees the lock", dead_holder_frees_the_lock },
	{ "lock without descriptor", lock_without_descriptor },
	{ "places of the dead", places_of_the_dead_are_taken_over },
	{ "process is shown printable", process_is_shown_printable },
	{ "certificates stay seen", certificates_stay_seen },
	{ "one turn in a period", one_turn_in_a_period },
	{ "epoch", epoch_differs_in_every_descendant },
};
UNIT_MAIN("board", tests)
