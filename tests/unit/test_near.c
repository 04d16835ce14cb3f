/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_near.c - the distance of two words.
 */
#include "core/near.h"

#include <limits.h>

#include "unit.h"

static unsigned distance(const char *a, const char *b)
{
	return tk_near_distance(a, strlen(a), b, strlen(b));
}

static void distances(void)
{
	static const struct {
		const char *a, *b;
		unsigned d;
	} rows[] = {
		{ "slots", "slots", 0 }, { "slot", "slots", 1 },  { "slotss", "slots", 1 },
		{ "slats", "slots", 1 }, { "solts", "slots", 1 }, { "slost", "slots", 1 },
		{ "", "slots", 5 },      { "slots", "", 5 },      { "path", "user", 4 },
		{ "aaaaaaaaaabbbbbbbbbbccccccccccdd", "aaaaaaaaaabbbbbbbbbbccccccccccd", 1 },
		{ "aaaaaaaaaabbbbbbbbbbccccccccccddd", "a", UINT_MAX },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK(distance(rows[i].a, rows[i].b) == rows[i].d, "%s", rows[i].a);
		CHECK(distance(rows[i].b, rows[i].a) == rows[i].d, "%s", rows[i].a);
	}
}

/* Two of three letters are another word. */
static void allowed(void)
{
	static const unsigned want[] = { 1, 1, 1, 1, 1, 2, 2, 3, 3, 3, 4 };

	for (size_t i = 0; i < COUNT(want); i++)
		CHECK(tk_near_allowed(i) == want[i], "%zu", i);
}

static const struct unit_test tests[] = {
	{ "distances", distances },
	{ "allowed", allowed },
};
UNIT_MAIN("near", tests)
