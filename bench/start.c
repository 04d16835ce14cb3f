/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start.c - how long a process without a server context takes, from its start to its end:
 * `openssl version`, with the module and without.  usage: start DIR, with DIR/ours.cnf and
 * DIR/theirs.cnf
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

#include "bench/bench.h"

#define ROUNDS 300

struct side {
	char conf[512];
};

static double run(void *arg)
{
	struct side *side = arg;
	char *args[] = { "openssl", "version", NULL };
	char *env[] = { "PATH=/usr/bin", side->conf, NULL };
	posix_spawn_file_actions_t fa;
	double start;
	int status;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0);
	start = bench_now();
	BENCH_CHECK(posix_spawn(&pid, "/usr/bin/openssl", &fa, NULL, args, env) == 0);
	BENCH_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	posix_spawn_file_actions_destroy(&fa);
	return (bench_now() - start) / 1e6;
}

int main(int argc, char **argv)
{
	struct side ours, theirs;
	struct bench_result r;

	BENCH_CHECK(argc == 2);
	snprintf(ours.conf, sizeof(ours.conf), "OPENSSL_CONF=%s/ours.cnf", argv[1]);
	snprintf(theirs.conf, sizeof(theirs.conf), "OPENSSL_CONF=%s/theirs.cnf", argv[1]);
	r = bench_rounds(ROUNDS, run, &ours, run, &theirs);
	bench_row_difference("`openssl version`, start to end", "ms", &r, 1);
	return 0;
}
