/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_weak.c - keys that nobody should use, each kind in each part; and that none of many
 * random keys is taken for one.
 */
#include "tests/unit/unit.h"

#include "core/weak.h"

static const size_t lens[] = { TK_KEY_128_LEN, TK_KEY_256_LEN };

static struct tk_key random_key(uint64_t *seed, size_t len)
{
	struct tk_key k = { .len = len };

	for (size_t i = 0; i < len; i++)
		k.bytes[i] = (uint8_t)(unit_random(seed) >> 32);
	return k;
}

enum part { NAME, AES, HMAC };

static uint8_t *part_of(struct tk_key *k, enum part part, size_t *len)
{
	*len = part == NAME ? TK_NAME_LEN : tk_key_part_len(k);
	return k->bytes + (part == NAME ? 0 : part == AES ? TK_NAME_LEN : TK_NAME_LEN + *len);
}

static void zeros(uint8_t *p, size_t len) { memset(p, 0, len); }
static void ones(uint8_t *p, size_t len) { memset(p, 0xff, len); }

static void count_by(uint8_t *p, size_t len, unsigned from, unsigned step)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(from + i * step);
}

static void up(uint8_t *p, size_t len) { count_by(p, len, 0, 1); }
static void down(uint8_t *p, size_t len) { count_by(p, len, 7, 255); }
static void by_threes(uint8_t *p, size_t len) { count_by(p, len, 250, 3); }

static void base64(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)"q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ"[i % 32];
}

static void hex(uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)"0123456789abcdef9f86d081884c7d65"[i % 32];
}

static void lines(uint8_t *p, size_t len)
{
	hex(p, len);
	p[0] = '\t';
	p[len - 1] = '\n';
	p[len - 2] = '\r';
}

static void kinds(void)
{
	static const struct {
		void (*fill)(uint8_t *p, size_t len);
		const char *why[3]; /* of a name, an AES key, an HMAC key */
	} rows[] = {
		{ zeros, { "its name is all zeros", "its AES key is all zeros",
			   "its HMAC key is all zeros" } },
		{ ones, { "all bytes of its name are equal", "all bytes of its AES key are equal",
			  "all bytes of its HMAC key are equal" } },
		{ up, { "the bytes of its name count", "the bytes of its AES key count",
			"the bytes of its HMAC key count" } },
		{ down, { "the bytes of its name count", "the bytes of its AES key count",
			  "the bytes of its HMAC key count" } },
		{ by_threes, { "the bytes of its name count", "the bytes of its AES key count",
			       "the bytes of its HMAC key count" } },
		{ base64, { NULL, "its AES key is text", "its HMAC key is text" } },
		{ hex, { NULL, "its AES key is text", "its HMAC key is text" } },
		{ lines, { NULL, "its AES key is text", "its HMAC key is text" } },
	};
	uint64_t seed = 1;

	for (size_t r = 0; r < COUNT(rows); r++)
		for (size_t l = 0; l < COUNT(lens); l++)
			for (int part = NAME; part <= HMAC; part++) {
				struct tk_key k = random_key(&seed, lens[l]);
				const char *why, *want = rows[r].why[part];
				size_t len;
				uint8_t *p = part_of(&k, (enum part)part, &len);

				rows[r].fill(p, len);
				why = tk_weak_key(&k);
				CHECK(want ? why && !strcmp(why, want) : !why,
				      "row %zu, part %d of %zu: %s", r, part, lens[l], why ? why : "-");
				/* one byte makes the difference */
				p[len / 2] ^= 0x80;
				CHECK(!tk_weak_key(&k), "row %zu, part %d of %zu", r, part, lens[l]);
			}
}

static void random_ones(void)
{
	uint64_t seed = 42;

	for (unsigned i = 0; i < 100000; i++) {
		struct tk_key k = random_key(&seed, lens[i % 2]);

		CHECK(!tk_weak_key(&k), "key %u: %s", i, tk_weak_key(&k));
	}
}

static void in_ring(void)
{
	uint64_t seed = 7;
	struct tk_ring r = { .slots = 3, .key_len = 80 };
	struct tk_key k, same;

	/* an empty ring has no names */
	k = random_key(&seed, 80);
	CU_ASSERT_PTR_NULL(tk_weak_in_ring(&r, &k));
	for (unsigned i = 0; i < 3; i++)
		r.key[i] = random_key(&seed, 80);
	CU_ASSERT_PTR_NULL(tk_weak_in_ring(&r, &k));
	for (unsigned i = 0; i < 3; i++) {
		same = r.key[i];
		CU_ASSERT_PTR_NULL(tk_weak_in_ring(&r, &same));
		same.bytes[79] ^= 1;
		CU_ASSERT_STRING_EQUAL(tk_weak_in_ring(&r, &same),
				       "its name is that of another key of the ring");
	}
	memset(k.bytes + 16, 0, 32);
	CU_ASSERT_STRING_EQUAL(tk_weak_in_ring(&r, &k), "its AES key is all zeros");
}

static const struct unit_test tests[] = {
	{ "kinds", kinds },
	{ "random ones", random_ones },
	{ "in a ring", in_ring },
};
UNIT_MAIN("weak", tests)
