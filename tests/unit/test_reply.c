/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_reply.c - the text of an answer, its framing for every severity, and that nothing
 * of it stays on the heap or is half-sent when memory runs out.
 */
#include "tests/unit/unit.h"

#include "core/reply.h"
#include "tests/unit/heap.h"
#include "tkprov/err.h"

#define SECRET "c2VjcmV0IGtleSBieXRlcw=="

static void append(void)
{
	struct tk_reply r = { 0 };
	char want[20001] = "";
	size_t len = 0;

	tk_reply_addn(&r, "xyz", 0);
	CU_ASSERT_EQUAL(r.len, 0);
	for (unsigned i = 0; i < 2000; i++) {
		len += (size_t)snprintf(want + len, sizeof(want) - len, "%u ", i);
		if (i % 2)
			tk_reply_addf(&r, "%u ", i);
		else
			tk_reply_addn(&r, want + r.len, len - r.len);
		CHECK(r.len == len && !strcmp(r.text, want), "%u", i);
	}
	CU_ASSERT_FALSE(r.failed);
	tk_reply_fini(&r);
	CU_ASSERT_PTR_NULL(r.text);
	CU_ASSERT_EQUAL(r.len, 0);
	tk_reply_fini(&r);
}

/* Every length around every growth. */
static void growth(void)
{
	char piece[1100];

	memset(piece, 'p', sizeof(piece));
	for (size_t first = 250; first < 260; first++) {
		for (size_t more = 0; more < sizeof(piece); more += 1 + more / 3) {
			struct tk_reply r;

			tk_reply_init(&r);
			tk_reply_addn(&r, piece, first);
			tk_reply_addf(&r, "%.*s", (int)more, piece);
			CHECK(r.len == first + more && strlen(r.text) == r.len && r.len < r.cap,
			      "%zu and %zu", first, more);
			tk_reply_fini(&r);
		}
	}
}

static void message(void)
{
	struct tk_reply r = { 0 };

	tk_reply_addf(&r, "a table\nbegun\n");
	tk_reply_msg(&r, TK_SEV_ERR, "no ring '%s'", "x");
	CU_ASSERT_STRING_EQUAL(r.text, "no ring 'x'");
	CU_ASSERT_EQUAL(r.severity, TK_SEV_ERR);
	tk_reply_msg(&r, TK_SEV_INFO, "was: %s", r.text);
	CU_ASSERT_STRING_EQUAL(r.text, "was: no ring 'x'");
	CU_ASSERT_EQUAL(r.severity, TK_SEV_INFO);
	tk_reply_fini(&r);
}

static void framing(void)
{
	static const struct {
		const char *text;
		enum tk_severity severity;
		enum tk_sev_mode mode;
		const char *want;
	} rows[] = {
		{ "", TK_SEV_NONE, TK_SEV_MODE_NONE, "\n" },
		{ "", TK_SEV_NONE, TK_SEV_MODE_NUMBER, "\n" },
		{ "", TK_SEV_INFO, TK_SEV_MODE_NUMBER, "\n" },
		{ "\n", TK_SEV_NONE, TK_SEV_MODE_NONE, "\n" },
		{ "a", TK_SEV_NONE, TK_SEV_MODE_NONE, "a\n\n" },
		{ "a\n", TK_SEV_NONE, TK_SEV_MODE_NONE, "a\n\n" },
		{ "a\n\n\n", TK_SEV_NONE, TK_SEV_MODE_NONE, "a\n\n" },
		{ "a\nb\n", TK_SEV_NONE, TK_SEV_MODE_NUMBER, "a\nb\n\n" },
		{ "a\nb\n", TK_SEV_NONE, TK_SEV_MODE_STRING, "a\nb\n\n" },
		{ "a", TK_SEV_ERR, TK_SEV_MODE_NONE, "a\n\n" },
		{ "a", TK_SEV_INFO, TK_SEV_MODE_NONE, "a\n\n" },
		{ "a", TK_SEV_ERR, TK_SEV_MODE_NUMBER, "[3]: a\n\n" },
		{ "a", TK_SEV_INFO, TK_SEV_MODE_NUMBER, "[6]: a\n\n" },
		{ "a", TK_SEV_ERR, TK_SEV_MODE_STRING, "[err]: a\n\n" },
		{ "a\nb\n", TK_SEV_INFO, TK_SEV_MODE_STRING, "[info]: a\nb\n\n" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tk_reply r = { .severity = rows[i].severity }, out = { 0 };

		tk_reply_addf(&r, "%s", rows[i].text);
		tk_reply_addf(&out, "before|");
		tk_reply_frame(&out, &r, rows[i].mode);
		CHECK(!strncmp(out.text, "before|", 7) && !strcmp(out.text + 7, rows[i].want),
		      "row %zu: '%s'", i, out.text);
		tk_reply_fini(&r);
		tk_reply_fini(&out);
	}
}

/* `set severity-output number;set ssl tls-key #1 KEY` */
static void two_answers(void)
{
	struct tk_reply r = { 0 }, out = { 0 };

	tk_reply_frame(&out, &r, TK_SEV_MODE_NUMBER);
	tk_reply_msg(&r, TK_SEV_INFO, "TLS ticket key updated!");
	tk_reply_frame(&out, &r, TK_SEV_MODE_NUMBER);
	CU_ASSERT_STRING_EQUAL(out.text, "\n[6]: TLS ticket key updated!\n\n");
	tk_reply_fini(&r);
	tk_reply_fini(&out);
}

static void modes(void)
{
	static const char *const bad[] = { "", "None", "numbers", "num", "str", " none", "6" };
	enum tk_sev_mode m = TK_SEV_MODE_STRING;

	CU_ASSERT_EQUAL(tk_sev_mode_parse("none", &m), 0);
	CU_ASSERT_EQUAL(m, TK_SEV_MODE_NONE);
	CU_ASSERT_EQUAL(tk_sev_mode_parse("string", &m), 0);
	CU_ASSERT_EQUAL(m, TK_SEV_MODE_STRING);
	CU_ASSERT_EQUAL(tk_sev_mode_parse("number", &m), 0);
	CU_ASSERT_EQUAL(m, TK_SEV_MODE_NUMBER);
	for (size_t i = 0; i < COUNT(bad); i++) {
		CHECK(tk_sev_mode_parse(bad[i], &m) == TK_E_PARSE, "'%s'", bad[i]);
		CHECK(m == TK_SEV_MODE_NUMBER, "'%s'", bad[i]);
	}
}

/* A key in a reply: in no piece of memory that is given back, however often it grew. */
static void no_secret_is_left(void)
{
	struct tk_reply r = { 0 }, out = { 0 };
	long before = heap_live;

	heap_secret = SECRET;
	heap_leaks = 0;
	for (unsigned i = 0; i < 3000; i++)
		tk_reply_addf(&r, "0.%u %s\n", i, SECRET);
	tk_reply_frame(&out, &r, TK_SEV_MODE_NONE);
	CU_ASSERT_PTR_NOT_NULL(strstr(out.text, SECRET));
	tk_reply_msg(&r, TK_SEV_ERR, "no");
	tk_reply_fini(&r);
	tk_reply_fini(&out);
	CU_ASSERT_EQUAL(heap_leaks, 0);

	heap_left = 1; /* grows once, then never more */
	for (unsigned i = 0; i < 100; i++)
		tk_reply_addn(&r, SECRET, strlen(SECRET));
	CU_ASSERT_TRUE(r.failed);
	heap_left = -1;
	tk_reply_fini(&r);
	CU_ASSERT_EQUAL(heap_leaks, 0);
	CU_ASSERT_EQUAL(heap_live, before);
	heap_secret = NULL;
}

/* The watch above does see one. */
static void the_watch_works(void)
{
	char *p = __wrap_malloc(64);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	memset(p, 0, 64);
	strcpy(p + 3, SECRET);
	heap_secret = SECRET;
	heap_leaks = 0;
	__wrap_free(p);
	heap_secret = NULL;
	CU_ASSERT_EQUAL(heap_leaks, 1);
}

static void failure_stays(void)
{
	struct tk_reply r = { 0 }, out = { 0 };

	tk_reply_addf(&r, "begun");
	heap_left = 0;
	for (unsigned i = 0; i < 100; i++)
		tk_reply_addf(&r, "more and more ");
	heap_left = -1;
	CU_ASSERT_TRUE(r.failed);
	CU_ASSERT_EQUAL(r.len, 0);
	tk_reply_addf(&r, "again");
	tk_reply_addn(&r, "again", 5);
	CU_ASSERT_EQUAL(r.len, 0);
	tk_reply_msg(&r, TK_SEV_INFO, "fine");
	CU_ASSERT_TRUE(r.failed);
	CU_ASSERT_EQUAL(r.len, 0);

	tk_reply_addf(&out, "an earlier answer\n\n");
	tk_reply_frame(&out, &r, TK_SEV_MODE_NONE);
	CU_ASSERT_TRUE(out.failed);
	CU_ASSERT_EQUAL(out.len, 0);
	tk_reply_fini(&r);
	tk_reply_fini(&out);
	CU_ASSERT_FALSE(r.failed);
}

static const struct unit_test tests[] = {
	{ "append", append },
	{ "growth", growth },
	{ "message", message },
	{ "framing", framing },
	{ "two answers", two_answers },
	{ "modes", modes },
	{ "no secret is left", no_secret_is_left },
	{ "the watch works", the_watch_works },
	{ "failure stays", failure_stays },
};
UNIT_MAIN("reply", tests)
