/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signals.c - owns which signals our own writes may raise.  Both go to the thread that
 * wrote, so holding them there keeps nothing from the server that is its own.
 */
#include "provider/signals.h"

#include <stddef.h>
#include <time.h>

static const int ours[] = { SIGPIPE, SIGXFSZ };

#define COUNT (sizeof(ours) / sizeof(ours[0]))

void tk_signals_hold(struct tk_signals *s)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < COUNT; i++)
		sigaddset(&set, ours[i]);
	sigemptyset(&s->pending);
	(void)sigpending(&s->pending);
	(void)pthread_sigmask(SIG_BLOCK, &set, &s->mask);
}

void tk_signals_release(const struct tk_signals *s)
{
	const struct timespec now = { 0 };
	sigset_t pending, set;

	sigemptyset(&pending);
	(void)sigpending(&pending);
	for (size_t i = 0; i < COUNT; i++) {
		if (sigismember(&pending, ours[i]) != 1 || sigismember(&s->pending, ours[i]) == 1)
			continue;
		sigemptyset(&set);
		sigaddset(&set, ours[i]);
		(void)sigtimedwait(&set, NULL, &now);
	}
	(void)pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
}
