/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - owns the reading of clocks.
 */
#include "provider/clock.h"

#include <time.h>

/* As of the last tick: seconds are what is wanted, and handshakes ask for it. */
int64_t tk_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return ts.tv_sec;
}

int64_t tk_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
