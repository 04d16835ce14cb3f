/* SPDX-License-Identifier: Apache-2.0 */
/* leave.c - loaded into servers that SIGTERM would end where they stand: they leave by exit(), so
 * that a build with coverage writes down what it has counted.  A server with a handler of its
 * own keeps that. */
#include <signal.h>
#include <stdlib.h>

static void leave(int sig)
{
	(void)sig;
	exit(0);
}

__attribute__((constructor)) static void prepare(void)
{
	struct sigaction sa = { .sa_handler = leave };

	(void)sigaction(SIGTERM, &sa, NULL);
}
