/* SPDX-License-Identifier: Apache-2.0 */
/* leave.c - loaded into servers that SIGTERM would end where they stand: they leave by exit(), so
 * that a build with coverage writes down what it has counted.  A server with a handler of its
 * own keeps that.
 *
 * A signal may come while malloc has its lock, and exit() needs malloc: so the handler only
 * wakes a thread that does it, and lets go on whoever has the lock.  Children have no such
 * thread and end without a word. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static sem_t asked;
static pid_t owner;

static void *wait_and_leave(void *arg)
{
	(void)arg;
	while (sem_wait(&asked) == -1)
		;
	exit(0);
}

static void leave(int sig)
{
	(void)sig;
	if (getpid() != owner)
		_exit(0);
	(void)sem_post(&asked);
}

__attribute__((constructor)) static void prepare(void)
{
	/* Whoever waits for a client goes on waiting, and does not end by itself meanwhile. */
	struct sigaction sa = { .sa_handler = leave, .sa_flags = SA_RESTART };
	sigset_t all, before;
	pthread_t thread;

	owner = getpid();
	sigfillset(&all);
	if (sem_init(&asked, 0, 0) == -1 || pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
		return;
	if (pthread_create(&thread, NULL, wait_and_leave, NULL) == 0) {
		(void)pthread_detach(thread);
		(void)sigaction(SIGTERM, &sa, NULL);
	}
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}
