/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tag.c - the wall.  Bytes of the tag, what is no tag, and every verdict.  A ticket
 * made without client certificates that opened where they are demanded is
 * CVE-2025-23419; these tables say when that cannot be.
 */
#include "tests/unit/unit.h"

#include "core/tag.h"
#include "tkprov/err.h"

#define NOW 1700000000
#define DAY 86400

static struct tk_tag make_tag(void)
{
	struct tk_tag t = { .context = 0x0102030405060708U, .born = NOW - 60 };

	for (unsigned i = 0; i < TK_SITE_LEN; i++)
		t.site[i] = (uint8_t)(0xa0 + i);
	return t;
}

static struct tk_scene make_scene(void)
{
	struct tk_tag t = make_tag();
	struct tk_scene s = { .scope = TK_SCOPE_AUTO,
			      .context = t.context,
			      .now = NOW,
			      .max_age = DAY };

	memcpy(s.site, t.site, TK_SITE_LEN);
	return s;
}

static void bytes(void)
{
	static const uint8_t want[TK_TAG_LEN] = {
		't',  'k',  'p',  'v',	1,    1,    0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6,
		0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 1,    2,	  3,	4,
		5,    6,    7,	  8,	0,    0,    0,	  0,	0x65, 0x53, 0xf0, 0xc4,
	};
	uint8_t out[TK_TAG_LEN + 1];
	struct tk_tag t = make_tag();

	t.verifies = true;
	out[TK_TAG_LEN] = 0xee;
	tk_tag_put(&t, out);
	CU_ASSERT_EQUAL(memcmp(out, want, TK_TAG_LEN), 0);
	CU_ASSERT_EQUAL(out[TK_TAG_LEN], 0xee);
}

static void round_trip(void)
{
	static const int64_t times[] = { 0, 1, -1, NOW, INT64_MAX, INT64_MIN };
	uint8_t data[TK_TAG_LEN];

	for (size_t i = 0; i < COUNT(times); i++) {
		struct tk_tag t = make_tag(), back;

		t.born = times[i];
		t.verifies = i % 2 == 0;
		t.context = UINT64_MAX - i;
		tk_tag_put(&t, data);
		memset(&back, 0xee, sizeof(back));
		CHECK(tk_tag_get(&back, data, sizeof(data)) == 0, "row %zu", i);
		CHECK(back.born == t.born && back.verifies == t.verifies, "row %zu", i);
		CHECK(back.context == t.context, "row %zu", i);
		CHECK(!memcmp(back.site, t.site, TK_SITE_LEN), "row %zu", i);
	}
}

static void no_tags(void)
{
	uint8_t data[TK_TAG_LEN + 4] = { 0 }, bad[TK_TAG_LEN];
	struct tk_tag t = make_tag();

	tk_tag_put(&t, data);
	for (size_t len = 0; len <= sizeof(data); len++)
		CHECK(tk_tag_get(&t, data, len) == (len == TK_TAG_LEN ? 0 : TK_E_PARSE),
		      "length %zu", len);
	for (unsigned place = 0; place < 6; place++) { /* magic, version, flags */
		for (unsigned bit = 0; bit < 8; bit++) {
			bool known_flag = place == 5 && bit == 0;

			memcpy(bad, data, sizeof(bad));
			bad[place] ^= (uint8_t)(1U << bit);
			CHECK(tk_tag_get(&t, bad, sizeof(bad)) == (known_flag ? 0 : TK_E_PARSE),
			      "byte %u, bit %u", place, bit);
		}
	}
}

/* Every combination of what decides about the context. */
static void contexts(void)
{
	for (unsigned row = 0; row < 24; row++) {
		struct tk_tag t = make_tag();
		struct tk_scene s = make_scene();
		bool same = row & 1;
		enum tk_verdict want = TK_VERDICT_GOOD;

		s.certs_in_play = row & 2;
		t.verifies = row & 4;
		s.scope = (enum tk_scope)(row / 8);
		if (!same)
			s.context ^= 1;
		if (!same && s.scope == TK_SCOPE_CONTEXT)
			want = TK_VERDICT_CONTEXT;
		if (!same && s.scope == TK_SCOPE_AUTO && (s.certs_in_play || t.verifies))
			want = TK_VERDICT_CONTEXT;
		CHECK(tk_tag_judge(&t, &s) == want,
		      "scope %d, same context %d, certificates in play %d, tag verifies %d",
		      (int)s.scope, same, s.certs_in_play, t.verifies);
	}
}

static void without_a_tag(void)
{
	struct tk_scene s = make_scene();

	CU_ASSERT_EQUAL(tk_tag_judge(NULL, &s), TK_VERDICT_NO_TAG);
	s.scope = TK_SCOPE_CONTEXT;
	CU_ASSERT_EQUAL(tk_tag_judge(NULL, &s), TK_VERDICT_NO_TAG);
	s.scope = TK_SCOPE_SHARED;
	CU_ASSERT_EQUAL(tk_tag_judge(NULL, &s), TK_VERDICT_GOOD);
}

static void sites(void)
{
	for (unsigned i = 0; i < TK_SITE_LEN * 8; i++) {
		struct tk_tag t = make_tag();
		struct tk_scene s = make_scene();

		s.site[i / 8] ^= (uint8_t)(1U << i % 8);
		CHECK(tk_tag_judge(&t, &s) == TK_VERDICT_SITE, "bit %u", i);
		s.scope = TK_SCOPE_CONTEXT;
		CHECK(tk_tag_judge(&t, &s) == TK_VERDICT_SITE, "bit %u", i);
		s.scope = TK_SCOPE_SHARED;
		CHECK(tk_tag_judge(&t, &s) == TK_VERDICT_GOOD, "bit %u", i);
	}
}

static void ages(void)
{
	static const struct {
		int64_t born, now, max_age;
		bool good;
	} rows[] = {
		{ NOW, NOW, DAY, true },
		{ NOW - DAY, NOW, DAY, true },
		{ NOW - DAY - 1, NOW, DAY, false },
		{ NOW + DAY, NOW, DAY, true }, /* another node's clock */
		{ NOW + DAY + 1, NOW, DAY, false },
		{ NOW, NOW, 0, true },
		{ NOW - 1, NOW, 0, false },
		{ NOW + 1, NOW, 0, false },
		{ NOW, NOW, -1, false },
		{ INT64_MIN, INT64_MAX, DAY, false },
		{ INT64_MAX, INT64_MIN, DAY, false },
		{ INT64_MIN, INT64_MAX, INT64_MAX, false },
		{ INT64_MAX, INT64_MIN, INT64_MAX, false },
		{ INT64_MIN, NOW, DAY, false },
		{ INT64_MAX, NOW, DAY, false },
		{ 0, INT64_MAX, INT64_MAX, true },
		{ -1, INT64_MAX, INT64_MAX, false },
		{ INT64_MIN, INT64_MIN, DAY, true },
		{ INT64_MAX, INT64_MAX, DAY, true },
		{ INT64_MIN, INT64_MIN + 1, 1, true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tk_tag t = make_tag();
		struct tk_scene s = make_scene();
		enum tk_verdict want = rows[i].good ? TK_VERDICT_GOOD : TK_VERDICT_AGE;

		t.born = rows[i].born;
		s.now = rows[i].now;
		s.max_age = rows[i].max_age;
		CHECK(tk_tag_judge(&t, &s) == want, "row %zu", i);
		s.scope = TK_SCOPE_SHARED;
		CHECK(tk_tag_judge(&t, &s) == TK_VERDICT_GOOD, "row %zu", i);
	}
}

/* Several reasons at once: the first one in this order is told. */
static void order(void)
{
	struct tk_tag t = make_tag();
	struct tk_scene s = make_scene();

	s.certs_in_play = true;
	s.context ^= 1;
	CU_ASSERT_EQUAL(tk_tag_judge(&t, &s), TK_VERDICT_CONTEXT);
	s.now += 2 * DAY;
	CU_ASSERT_EQUAL(tk_tag_judge(&t, &s), TK_VERDICT_AGE);
	s.site[0] ^= 1;
	CU_ASSERT_EQUAL(tk_tag_judge(&t, &s), TK_VERDICT_SITE);
	CU_ASSERT_EQUAL(tk_tag_judge(NULL, &s), TK_VERDICT_NO_TAG);
}

static const struct unit_test tests[] = {
	{ "bytes", bytes },
	{ "round trip", round_trip },
	{ "no tags", no_tags },
	{ "contexts", contexts },
	{ "without a tag", without_a_tag },
	{ "sites", sites },
	{ "ages", ages },
	{ "order", order },
};
UNIT_MAIN("tag", tests)
