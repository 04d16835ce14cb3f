/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_names.c - which ring a server name gets, and the server_name extension: whole,
 * malformed, and cut after every byte.
 */
#include "tests/unit/unit.h"

#include "core/names.h"
#include "tests/unit/heap.h"
#include "tkprov/limits.h"

#define MANY 10000

static int look_up(const struct tk_names *names, const char *sni)
{
	return tk_names_lookup(names, sni, strlen(sni));
}

static struct tk_names *make(void)
{
	static const char *const all[] = { "a.example",	  "*.example", "*.b.example",
					   "x.b.example", "*.deep.x.b.example", "UPPER.Example",
					   "dot.example.", "*.Mixed.test.", "under_score.test",
					   "*.solo" };
	struct tk_names *names = tk_names_new();
	int other;

	for (size_t i = 0; names && i < COUNT(all); i++)
		CHECK(tk_names_add(names, all[i], (int)i, &other) == 0, "%s", all[i]);
	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	return names;
}

static void which_ring(void)
{
	static const struct {
		const char *sni;
		int ring;
	} rows[] = {
		{ "a.example", 0 },	       { "A.EXAMPLE", 0 },	 { "a.example.", 0 },
		{ "b.example", 1 },	       { "c.example", 1 },	 { "x.a.example", 1 },
		{ "y.b.example", 2 },	       { "z.y.b.example", 2 },	 { "Z.Y.B.Example.", 2 },
		{ "x.b.example", 3 },	       { "q.x.b.example", 2 },	 { "deep.x.b.example", 2 },
		{ "q.deep.x.b.example", 4 },   { "r.q.deep.x.b.example", 4 },
		{ "upper.example", 5 },	       { "dot.example", 6 },	 { "DOT.EXAMPLE.", 6 },
		{ "a.mixed.TEST", 7 },	       { "under_score.test", 8 }, { "a.solo", 9 },
		{ "example", TK_NO_RING },     { "mixed.test", TK_NO_RING },
		{ "solo", TK_NO_RING },	       { "other.test", TK_NO_RING },
		{ "notexample", TK_NO_RING },  { "a.example..", TK_NO_RING },
		{ "*.example", 1 },	       { ".example", TK_NO_RING },
		{ "", TK_NO_RING },	       { ".", TK_NO_RING },	 { "..", TK_NO_RING },
		{ "xexample", TK_NO_RING },    { "a.examplex", TK_NO_RING },
	};
	struct tk_names *names = make();
	int other;

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK(look_up(names, rows[i].sni) == rows[i].ring, "'%s' is %d, not %d",
		      rows[i].sni, look_up(names, rows[i].sni), rows[i].ring);
	CU_ASSERT_EQUAL(tk_names_lookup(names, NULL, 0), TK_NO_RING);

	CU_ASSERT_EQUAL(tk_names_set_default(names, 77, &other), 0);
	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK(look_up(names, rows[i].sni) ==
			      (rows[i].ring == TK_NO_RING ? 77 : rows[i].ring),
		      "'%s'", rows[i].sni);
	CU_ASSERT_EQUAL(tk_names_lookup(names, NULL, 0), 77);
	tk_names_free(&names);
	CU_ASSERT_PTR_NULL(names);
	tk_names_free(&names);
}

static void empty_table(void)
{
	struct tk_names *names = tk_names_new();
	int other = -5;

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	CU_ASSERT_EQUAL(look_up(names, "a.test"), TK_NO_RING);
	CU_ASSERT_EQUAL(tk_names_set_default(names, 3, &other), 0);
	CU_ASSERT_EQUAL(tk_names_set_default(names, 4, &other), TK_E_INUSE);
	CU_ASSERT_EQUAL(other, 3);
	CU_ASSERT_EQUAL(look_up(names, "a.test"), 3);
	tk_names_free(&names);
}

static void taken(void)
{
	static const char *const again[] = { "a.example", "A.Example", "a.example." };
	struct tk_names *names = make();
	int other;

	for (size_t i = 0; i < COUNT(again); i++) {
		other = -5;
		CHECK(tk_names_add(names, again[i], 50, &other) == TK_E_INUSE, "%s", again[i]);
		CHECK(other == 0, "%s", again[i]);
	}
	CU_ASSERT_EQUAL(tk_names_add(names, "*.B.example.", 50, &other), TK_E_INUSE);
	CU_ASSERT_EQUAL(other, 2);
	/* a name and the suffix of the same letters are two things */
	CU_ASSERT_EQUAL(tk_names_add(names, "b.example", 51, &other), 0);
	CU_ASSERT_EQUAL(tk_names_add(names, "*.a.example", 52, &other), 0);
	CU_ASSERT_EQUAL(look_up(names, "b.example"), 51);
	CU_ASSERT_EQUAL(look_up(names, "q.b.example"), 2);
	CU_ASSERT_EQUAL(look_up(names, "q.a.example"), 52);
	CU_ASSERT_EQUAL(look_up(names, "a.example"), 0);
	tk_names_free(&names);
}

/* `len` letters in labels of 63, the last ones shorter. */
static void long_name(char *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = i % 64 == 63 ? '.' : 'a';
	out[len] = '\0';
}

static void not_a_name(void)
{
	static const char *const bad[] = { "",	    ".",     "..",   "*",    "*.",   "*..", "a..b",
					   ".a",    "a.b..", "**.a", "*a.b", "a.*",  "a.*.b",
					   "*.*.a", "*.",    "a b",  "a/b",  "a:1",  "a,b", "a\n",
					   "\xc3\xa4.test",  "*..a", "a\x80" };
	struct tk_names *names = make();
	char name[300];
	int other = -5;

	for (size_t i = 0; i < COUNT(bad); i++)
		CHECK(tk_names_add(names, bad[i], 1, &other) == TK_E_PARSE, "'%s'", bad[i]);
	for (size_t len = 60; len < 70; len++) { /* one label */
		memset(name, 'a', len);
		strcpy(name + len, ".test");
		CHECK(tk_names_add(names, name, 1, &other) == (len <= 63 ? 0 : TK_E_PARSE),
		      "label of %zu", len);
	}
	for (size_t len = 250; len < 290; len++) {
		long_name(name, len);
		if (name[len - 1] == '.')
			continue;
		CHECK(tk_names_add(names, name, 1, &other) == (len <= 253 ? 0 : TK_E_PARSE),
		      "%zu long", len);
	}
	CU_ASSERT_EQUAL(other, -5);
	tk_names_free(&names);
}

/* Whatever the client sends: no crash, and the default. */
static void strange_sni(void)
{
	static char sni[70000];
	struct tk_names *names = make();
	uint64_t seed = 7;
	int other;

	CU_ASSERT_EQUAL(tk_names_set_default(names, 77, &other), 0);
	memset(sni, 'a', sizeof(sni));
	for (size_t len = 1; len < 600; len++)
		CHECK(tk_names_lookup(names, sni, len) == 77, "%zu", len);
	CU_ASSERT_EQUAL(tk_names_lookup(names, sni, 65535), 77);
	memset(sni, '.', sizeof(sni));
	for (size_t len = 1; len < 600; len++)
		CHECK(tk_names_lookup(names, sni, len) == 77, "%zu", len);
	CU_ASSERT_EQUAL(tk_names_lookup(names, "a.example\0", 10), 77);
	CU_ASSERT_EQUAL(tk_names_lookup(names, "\0.example", 9), 1);
	for (unsigned turn = 0; turn < 20000; turn++) {
		size_t len = unit_random(&seed) % 300;
		char *exact = malloc(len ? len : 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
		for (size_t i = 0; i < len; i++)
			exact[i] = (char)unit_random(&seed);
		CHECK(tk_names_lookup(names, exact, len) == 77, "turn %u", turn);
		free(exact);
	}
	tk_names_free(&names);
}

/* The longest names that can be sent are looked at, longer ones are not. */
static void longest_sni(void)
{
	struct tk_names *names = make();
	char name[300];
	int other;

	long_name(name, 253);
	CU_ASSERT_EQUAL(tk_names_add(names, name, 30, &other), 0);
	CU_ASSERT_EQUAL(tk_names_lookup(names, name, 253), 30);
	strcpy(name + 253, ".");
	CU_ASSERT_EQUAL(tk_names_lookup(names, name, 254), 30);
	memset(name, 'a', sizeof(name));
	memcpy(name + 255 - 8, ".example", 8);
	CU_ASSERT_EQUAL(tk_names_lookup(names, name, 255), 1);
	memcpy(name + 256 - 8, ".example", 8);
	CU_ASSERT_EQUAL(tk_names_lookup(names, name, 256), TK_NO_RING);
	tk_names_free(&names);
}

static void many(void)
{
	struct tk_names *names = tk_names_new();
	char name[64];
	long live;
	int other;

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), i % 2 ? "*.s%d.many.test" : "h%d.many.test", i);
		CHECK(tk_names_add(names, name, i, &other) == 0, "%s", name);
	}
	live = heap_live;
	heap_left = 0; /* a look-up that allocates fails from here */
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), i % 2 ? "W.X.S%d.Many.test." : "H%d.MANY.test", i);
		CHECK(look_up(names, name) == i, "%s", name);
		snprintf(name, sizeof(name), i % 2 ? "s%d.many.test" : "w.h%d.many.test", i);
		CHECK(look_up(names, name) == TK_NO_RING, "%s", name);
	}
	heap_left = -1;
	CU_ASSERT_EQUAL(heap_live, live);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), i % 2 ? "*.s%d.many.test" : "h%d.many.test", i);
		other = -5;
		CHECK(tk_names_add(names, name, 1, &other) == TK_E_INUSE && other == i, "%s", name);
	}
	tk_names_free(&names);
}

/* Out of memory at each single allocation: said, and what was there is still there.  Names as
 * long as these are allocated each by itself. */
static void out_of_memory(void)
{
	static const char format[] = "n%d.a-name-that-does-not-fit-into-its-place-in-the-table.test";
	long before = heap_live;

	for (long left = 0; left < 60; left++) {
		struct tk_names *names;
		char name[96];
		int other, added = 0, rc = 0;

		heap_left = left;
		names = tk_names_new();
		for (; names && added < 100; added++) {
			snprintf(name, sizeof(name), format, added);
			rc = tk_names_add(names, name, added, &other);
			if (rc)
				break;
		}
		heap_left = -1;
		CHECK(names ? rc == TK_E_NOMEM : left == 0, "after %ld", left);
		for (int i = 0; names && i <= added; i++) {
			snprintf(name, sizeof(name), format, i);
			CHECK(look_up(names, name) == (i < added ? i : TK_NO_RING), "after %ld, %s",
			      left, name);
		}
		tk_names_free(&names);
		CHECK(heap_live == before, "after %ld", left);
	}
}

static const struct {
	const char *what;
	size_t len;
	uint8_t ext[32];
	const char *name; /* NULL: malformed, or no host_name */
} exts[] = {
	{ "plain", 11, { 0, 9, 0, 0, 6, 'a', '.', 't', 'e', 's', 't' }, "a.test" },
	{ "another type first", 11, { 0, 9, 7, 0, 2, 1, 2, 0, 0, 1, 'a' }, "a" },
	{ "another type last", 11, { 0, 9, 0, 0, 1, 'a', 7, 0, 2, 1, 2 }, "a" },
	{ "the first of two", 10, { 0, 8, 0, 0, 1, 'a', 0, 0, 1, 'b' }, "a" },
	{ "another type, empty", 9, { 0, 7, 7, 0, 0, 0, 0, 1, 'a' }, "a" },
	{ "empty list", 2, { 0, 0 }, NULL },
	{ "no host_name", 6, { 0, 4, 7, 0, 1, 'a' }, NULL },
	{ "empty name", 5, { 0, 3, 0, 0, 0 }, NULL },
	{ "byte behind the list", 7, { 0, 4, 0, 0, 1, 'a', 0 }, NULL },
	{ "list longer than the extension", 6, { 0, 5, 0, 0, 1, 'a' }, NULL },
	{ "list shorter than the extension", 6, { 0, 3, 0, 0, 1, 'a' }, NULL },
	{ "name longer than the list", 6, { 0, 4, 0, 0, 2, 'a' }, NULL },
	{ "name far longer", 6, { 0, 4, 0, 0xff, 0xff, 'a' }, NULL },
	{ "type alone", 7, { 0, 5, 0, 0, 1, 'a', 0 }, NULL },
	{ "half a length", 8, { 0, 6, 0, 0, 1, 'a', 0, 0 }, NULL },
	{ "second name empty", 9, { 0, 7, 0, 0, 1, 'a', 0, 0, 0 }, NULL },
};

/* In memory of exactly that size, so that a byte read too far is seen. */
static int read_ext(const uint8_t *ext, size_t ext_len, char *name_out)
{
	uint8_t *exact = malloc(ext_len ? ext_len : 1);
	const char *name = "untouched";
	size_t len = 99;
	int rc;

	if (!exact)
		abort();
	memcpy(exact, ext, ext_len);
	rc = tk_names_from_ext(exact, ext_len, &name, &len);
	CHECK(!rc || (name == NULL && len == 0), "%zu bytes", ext_len);
	if (!rc)
		memcpy(name_out, name, len);
	name_out[rc ? 0 : len] = '\0';
	free(exact);
	return rc;
}

static void extension(void)
{
	char name[64];

	for (size_t i = 0; i < COUNT(exts); i++) {
		int rc = read_ext(exts[i].ext, exts[i].len, name);

		CHECK(rc == (exts[i].name ? 0 : TK_E_PARSE), "%s: %d", exts[i].what, rc);
		CHECK(!strcmp(name, exts[i].name ? exts[i].name : ""), "%s", exts[i].what);
		for (size_t len = 0; len < exts[i].len; len++)
			CHECK(exts[i].name == NULL ||
				      read_ext(exts[i].ext, len, name) == TK_E_PARSE,
			      "%s cut to %zu", exts[i].what, len);
	}
}

/* Random bytes, and good ones with one byte changed: no answer points outside. */
static void extension_noise(void)
{
	uint64_t seed = 3;
	char name[64];

	for (unsigned turn = 0; turn < 50000; turn++) {
		size_t row = unit_random(&seed) % COUNT(exts), len = exts[row].len;
		uint8_t ext[32];

		memcpy(ext, exts[row].ext, sizeof(ext));
		ext[unit_random(&seed) % len] = (uint8_t)(unit_random(&seed) >> 32);
		if (read_ext(ext, len, name) == 0)
			CHECK(strlen(name) < len, "turn %u", turn);
	}
}

static void note(void *arg, int ring)
{
	unsigned *said = arg;

	*said |= 1u << ring;
}

/* Every ring that may be what is found is announced, and the one that is. */
static void announced(void)
{
	struct tk_names *names = make();
	unsigned said = 0;

	tk_names_soon(names, note, &said);
	CU_ASSERT_EQUAL(look_up(names, "q.deep.x.b.example"), 4);
	CU_ASSERT_EQUAL(said & 1u << 4, 1u << 4);
	said = 0;
	CU_ASSERT_EQUAL(look_up(names, "a.example"), 0);
	CU_ASSERT_EQUAL(said & 1u << 0, 1u << 0);
	said = 0;
	CU_ASSERT_EQUAL(look_up(names, "other.test"), TK_NO_RING);
	CU_ASSERT_EQUAL(tk_names_lookup(names, NULL, 0), TK_NO_RING);
	CU_ASSERT_EQUAL(said, 0);
	tk_names_free(&names);
}

static const struct unit_test tests[] = {
	{ "which ring", which_ring },
	{ "empty table", empty_table },
	{ "taken", taken },
	{ "not a name", not_a_name },
	{ "strange SNI", strange_sni },
	{ "longest SNI", longest_sni },
	{ "many", many },
	{ "announced", announced },
	{ "out of memory", out_of_memory },
	{ "extension", extension },
	{ "extension noise", extension_noise },
};
UNIT_MAIN("names", tests)
