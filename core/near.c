/* SPDX-License-Identifier: Apache-2.0 */
/*
 * near.c - optimal string alignment; owns nothing.
 */
#include "core/near.h"

#include <limits.h>

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Three rows of the table are all that is ever needed. */
unsigned tk_near_distance(const char *a, size_t la, const char *b, size_t lb)
{
	unsigned row[3][TK_NEAR_MAX + 1];

	if (la > TK_NEAR_MAX || lb > TK_NEAR_MAX)
		return UINT_MAX;
	for (unsigned j = 0; j <= lb; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			now[j] = least(last[j - 1] + (a[i - 1] != b[j - 1]),
				       least(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
	}
	return row[la % 3][lb];
}

unsigned tk_near_allowed(size_t len)
{
	return len < 5 ? 1 : (unsigned)(len + 2) / 3;
}
