/* SPDX-License-Identifier: Apache-2.0 */
/* test_key.c - one key: sizes, the two layouts, equality, the name's digits, wiping. */
#include "tests/unit/unit.h"

#include "core/key.h"
#include "tkprov/err.h"

static void count_up(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i + 1);
}

static void sizes(void)
{
	uint8_t bytes[200];
	struct tk_key k, before;

	count_up(bytes, sizeof(bytes));
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		bool ok = len == 48 || len == 80;

		memset(&k, 0xee, sizeof(k));
		before = k;
		CHECK(tk_key_len_ok(len) == ok, "length %zu", len);
		CHECK(tk_key_from_bytes(&k, bytes, len) == (ok ? 0 : TK_E_SIZE), "length %zu", len);
		if (ok)
			CHECK(k.len == len && !memcmp(k.bytes, bytes, len), "length %zu", len);
		else
			CHECK(!memcmp(&k, &before, sizeof(k)), "length %zu", len);
	}
}

static void layout(void)
{
	static const struct {
		size_t len, part, hmac_at;
	} rows[] = { { 48, 16, 32 }, { 80, 32, 48 } };
	uint8_t bytes[80];
	struct tk_key k;

	count_up(bytes, sizeof(bytes));
	for (size_t i = 0; i < COUNT(rows); i++) {
		CU_ASSERT_EQUAL(tk_key_from_bytes(&k, bytes, rows[i].len), 0);
		CHECK(tk_key_part_len(&k) == rows[i].part, "%zu bytes", rows[i].len);
		CHECK(tk_key_name(&k) == k.bytes, "%zu bytes", rows[i].len);
		CHECK(tk_key_aes(&k) == k.bytes + 16, "%zu bytes", rows[i].len);
		CHECK(tk_key_hmac(&k) == k.bytes + rows[i].hmac_at, "%zu bytes", rows[i].len);
		CHECK(tk_key_hmac(&k) + rows[i].part == k.bytes + rows[i].len, "%zu bytes",
		      rows[i].len);
	}
	k.len = 0;
	CU_ASSERT_EQUAL(tk_key_part_len(&k), 0);
}

/* A short key put where a long one was leaves nothing of it. */
static void no_leftovers(void)
{
	uint8_t bytes[80];
	struct tk_key k;

	count_up(bytes, sizeof(bytes));
	CU_ASSERT_EQUAL(tk_key_from_bytes(&k, bytes, 80), 0);
	CU_ASSERT_EQUAL(tk_key_from_bytes(&k, bytes, 48), 0);
	for (size_t i = 48; i < 80; i++)
		CHECK(k.bytes[i] == 0, "byte %zu", i);
}

static void equal(void)
{
	static const size_t lens[] = { 48, 80 };
	uint8_t bytes[80];
	struct tk_key a, b;

	count_up(bytes, sizeof(bytes));
	for (size_t l = 0; l < COUNT(lens); l++) {
		CU_ASSERT_EQUAL(tk_key_from_bytes(&a, bytes, lens[l]), 0);
		b = a;
		CHECK(tk_key_equal(&a, &b), "%zu bytes", lens[l]);
		for (size_t bit = 0; bit < lens[l] * 8; bit++) {
			b.bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
			CHECK(!tk_key_equal(&a, &b), "%zu bytes, bit %zu", lens[l], bit);
			b = a;
		}
	}
	CU_ASSERT_EQUAL(tk_key_from_bytes(&b, bytes, 48), 0);
	CU_ASSERT_FALSE(tk_key_equal(&a, &b));
	CU_ASSERT_FALSE(tk_key_equal(&b, &a));
}

static void hex(void)
{
	static const uint8_t name[16] = { 0x00, 0x01, 0x0f, 0x10, 0x9f, 0xa0, 0xab, 0xcd,
					  0xef, 0xff, 0x7f, 0x80, 0x99, 0x12, 0xfe, 0xf0 };
	char out[34];

	memset(out, 'x', sizeof(out));
	tk_key_name_hex(name, out);
	CU_ASSERT_STRING_EQUAL(out, "00010f109fa0abcdefff7f809912fef0");
	CU_ASSERT_EQUAL(out[33], 'x');
}

static void wipe(void)
{
	static const struct tk_key zero;
	struct tk_key k;

	memset(&k, 0xff, sizeof(k));
	tk_key_wipe(&k);
	CU_ASSERT_EQUAL(memcmp(&k, &zero, sizeof(k)), 0);
}

static const struct unit_test tests[] = {
	{ "sizes", sizes },
	{ "layout", layout },
	{ "no leftovers", no_leftovers },
	{ "equal", equal },
	{ "hex", hex },
	{ "wipe", wipe },
};
UNIT_MAIN("key", tests)
