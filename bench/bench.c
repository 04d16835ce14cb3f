/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.c - the arithmetic of rounds, the table's lines, sides in processes of their
 * own.  Knows nothing of tickets.
 */
#include "bench/bench.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Noreturn void bench_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: %s\n", file, line, what);
	exit(1);
}

double bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_size);
	return n % 2 != 0 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

struct bench_result bench_judge(const double *ours, const double *theirs, unsigned n)
{
	static double v[BENCH_ROUNDS_MAX];
	struct bench_result r;

	BENCH_CHECK(n > 0 && n <= BENCH_ROUNDS_MAX);
	for (unsigned i = 0; i < n; i++)
		v[i] = ours[i] / theirs[i];
	r.ratio = bench_median(v, n);
	for (unsigned i = 0; i < n; i++)
		v[i] = ours[i] - theirs[i];
	r.difference = bench_median(v, n);
	memcpy(v, ours, n * sizeof(*v));
	r.ours = bench_median(v, n);
	memcpy(v, theirs, n * sizeof(*v));
	r.theirs = bench_median(v, n);
	return r;
}

void bench_measure(unsigned rounds, bench_side *ours, void *our_arg, bench_side *theirs,
		   void *their_arg, double *a, double *b)
{
	(void)ours(our_arg);
	(void)theirs(their_arg);
	for (unsigned i = 0; i < rounds; i++) {
		if (i % 2 != 0)
			b[i] = theirs(their_arg);
		a[i] = ours(our_arg);
		if (i % 2 == 0)
			b[i] = theirs(their_arg);
	}
}

struct bench_result bench_rounds(unsigned rounds, bench_side *ours, void *our_arg,
				 bench_side *theirs, void *their_arg)
{
	static double a[BENCH_ROUNDS_MAX], b[BENCH_ROUNDS_MAX];

	BENCH_CHECK(rounds <= BENCH_ROUNDS_MAX);
	bench_measure(rounds, ours, our_arg, theirs, their_arg, a, b);
	return bench_judge(a, b, rounds);
}

static const char *verdict(enum bench_bound kind, double figure, double bound)
{
	if (kind == BENCH_NO_BOUND)
		return "-";
	return (kind == BENCH_AT_MOST ? figure <= bound : figure >= bound) ? "yes" : "NO";
}

void bench_row(const char *what, const char *unit, const struct bench_result *r,
	       enum bench_bound kind, double bound)
{
	char text[32] = "-";

	if (kind != BENCH_NO_BOUND)
		snprintf(text, sizeof(text), "%s %.2f", kind == BENCH_AT_MOST ? "<=" : ">=", bound);
	printf("%s\t%.0f %s\t%.0f %s\t%.3f\t%s\t%s\n", what, r->ours, unit, r->theirs, unit,
	       r->ratio, text, verdict(kind, r->ratio, bound));
	fflush(stdout);
}

void bench_row_difference(const char *what, const char *unit, const struct bench_result *r,
			  double bound)
{
	printf("%s\t%.2f %s\t%.2f %s\t%+.2f %s\t<= %+.2f %s\t%s\n", what, r->ours, unit, r->theirs,
	       unit, r->difference, unit, bound, unit,
	       verdict(BENCH_AT_MOST, r->difference, bound));
	fflush(stdout);
}

void bench_row_below(const char *what, double figure, double bound)
{
	printf("%s\t%.6g\t-\t-\t< %.6g\t%s\n", what, figure, bound, figure < bound ? "yes" : "NO");
	fflush(stdout);
}

struct bench_child {
	pid_t pid;
	int ask, answer;
	struct bench_child *next;
};

static struct bench_child *children;

static _Noreturn void serve(int ask, int answer, void *arg, bench_side *batch)
{
	double cost;
	char go;

	while (read(ask, &go, 1) == 1) {
		cost = batch(arg);
		BENCH_CHECK(write(answer, &cost, sizeof(cost)) == sizeof(cost));
	}
	_exit(0);
}

struct bench_child *bench_child_start(void *(*make)(void *arg), void *arg, bench_side *batch)
{
	struct bench_child *c = calloc(1, sizeof(*c));
	int ask[2], answer[2];

	BENCH_CHECK(c != NULL && pipe2(ask, 0) == 0 && pipe2(answer, 0) == 0);
	c->pid = fork();
	BENCH_CHECK(c->pid != -1);
	if (c->pid == 0) {
		/* or the elder ones would not see the end of what they are asked */
		for (const struct bench_child *elder = children; elder != NULL; elder = elder->next)
			close(elder->ask);
		close(ask[1]);
		close(answer[0]);
		serve(ask[0], answer[1], make(arg), batch);
	}
	close(ask[0]);
	close(answer[1]);
	c->ask = ask[1];
	c->answer = answer[0];
	c->next = children;
	children = c;
	return c;
}

double bench_child_batch(void *child)
{
	const struct bench_child *c = child;
	double cost;

	BENCH_CHECK(write(c->ask, "g", 1) == 1);
	BENCH_CHECK(read(c->answer, &cost, sizeof(cost)) == sizeof(cost));
	return cost;
}

void bench_children_stop(void)
{
	while (children != NULL) {
		struct bench_child *c = children;

		children = c->next;
		close(c->ask);
		close(c->answer);
		waitpid(c->pid, NULL, 0);
		free(c);
	}
}
