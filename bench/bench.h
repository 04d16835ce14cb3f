/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - two sides measured in turn, and the lines of the table.
 *
 * Machines are noisy and each other's neighbours, so nothing is said in nanoseconds that
 * could be compared with another day: both sides run in short batches, one after the
 * other, and what counts is the median of the batches' ratios.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdlib.h>

#define BENCH_ROUNDS_MAX 2000

/* Ends the program with what went wrong: a figure of something else is worse than none. */
#define BENCH_CHECK(ok)                                                                            \
	do {                                                                                       \
		if (!(ok))                                                                         \
			bench_fail(__FILE__, __LINE__, #ok);                                       \
	} while (0)
_Noreturn void bench_fail(const char *file, int line, const char *what);

double bench_now(void); /* nanoseconds, monotonic */
double bench_median(double *v, size_t n); /* sorts v */

/* Runs one batch; what one operation cost, or what rate was reached. */
typedef double bench_side(void *arg);

struct bench_result {
	double ours, theirs; /* medians */
	double ratio;        /* median of ours / theirs, round by round */
	double difference;   /* median of ours - theirs */
};

/* The result of n rounds that were measured: ours[i] beside theirs[i]. */
struct bench_result bench_judge(const double *ours, const double *theirs, unsigned n);

/* A B, B A, A B, ...: after one batch of each that does not count. */
void bench_measure(unsigned rounds, bench_side *ours, void *our_arg, bench_side *theirs,
		   void *their_arg, double *a, double *b);
/* The same, and the result. */
struct bench_result bench_rounds(unsigned rounds, bench_side *ours, void *our_arg,
				 bench_side *theirs, void *their_arg);

enum bench_bound { BENCH_AT_MOST, BENCH_AT_LEAST, BENCH_NO_BOUND };

/* One line: what, ours, theirs, ratio, bound, ok; between tabs. */
void bench_row(const char *what, const char *unit, const struct bench_result *r,
	       enum bench_bound kind, double bound);
/* The same, where the bound is on the difference. */
void bench_row_difference(const char *what, const char *unit, const struct bench_result *r,
			  double bound);
/* The same for one figure that must be less than the bound. */
void bench_row_below(const char *what, double figure, double bound);

/* A side in a process of its own: for what exists once in a process.  make runs in the
 * child, its result is batch's argument.  Fork before anything of OpenSSL is used. */
struct bench_child;
struct bench_child *bench_child_start(void *(*make)(void *arg), void *arg, bench_side *batch);
double bench_child_batch(void *child); /* a bench_side */
void bench_children_stop(void);

#endif
