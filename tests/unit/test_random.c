/* SPDX-License-Identifier: Apache-2.0 */
/* test_random.c - keys from the kernel: of the size asked for, none weak, none twice. */
#include "tests/unit/unit.h"

#include "common/random.h"
#include "core/weak.h"

static void bytes(void)
{
	uint8_t a[600] = { 0 }, b[600] = { 0 };

	CU_ASSERT_EQUAL(tk_random(a, sizeof(a)), 0);
	CU_ASSERT_EQUAL(tk_random(b, sizeof(b)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a, b, sizeof(a)), 0);
	CU_ASSERT_NOT_EQUAL(memcmp(a + 300, b + 300, 300), 0); /* to the last one */
	CU_ASSERT_EQUAL(tk_random(a, 0), 0);
}

static void keys(void)
{
	static const size_t lens[] = { TK_KEY_128_LEN, TK_KEY_256_LEN };
	struct tk_key k[64];

	for (size_t l = 0; l < COUNT(lens); l++) {
		for (size_t i = 0; i < COUNT(k); i++) {
			CU_ASSERT_EQUAL(tk_random_key(&k[i], lens[l]), 0);
			CU_ASSERT_EQUAL(k[i].len, lens[l]);
			CU_ASSERT_PTR_NULL(tk_weak_key(&k[i]));
			for (size_t j = 0; j < i; j++)
				CHECK(memcmp(k[i].bytes, k[j].bytes, TK_NAME_LEN) != 0, "%zu", i);
		}
	}
}

static const struct unit_test tests[] = {
	{ "bytes", bytes },
	{ "keys", keys },
};
UNIT_MAIN("random", tests)
