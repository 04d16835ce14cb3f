/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_words.c - command lines split as HAProxy splits them, and words written so that
 * they come back.
 */
#include "tests/unit/unit.h"

#include "core/words.h"
#include "tkprov/err.h"

/* All commands of a line in one string: words in [], `<<` for a payload, `;` between. */
static void show(const char *line, char *out, size_t cap)
{
	char *copy = strdup(line), *rest = copy;
	struct tk_words w;
	size_t at = 0;

	if (!copy)
		abort();
	out[0] = '\0';
	while (rest) {
		int rc = tk_words_next(&rest, &w);

		for (unsigned i = 0; i < w.n && at < cap; i++)
			at += (size_t)snprintf(out + at, cap - at, "[%s]", w.w[i]);
		if (at < cap)
			at += (size_t)snprintf(out + at, cap - at, "%s%s%s", rc ? "!" : "",
					       w.payload ? "<<" : "", rest ? ";" : "");
	}
	free(copy);
}

static void split(void)
{
	static const char *const rows[][2] = {
		{ "", "" },
		{ "   ", "" },
		{ " \t ", "" },
		{ "a", "[a]" },
		{ "show tls-keys", "[show][tls-keys]" },
		{ "  show \t\ttls-keys\t ", "[show][tls-keys]" },
		{ "a\tb", "[a][b]" },
		/* backslashes */
		{ "a\\ b", "[a b]" },
		{ "a\\\tb", "[a\tb]" },
		{ "a\\;b", "[a;b]" },
		{ "a\\\\b", "[a\\b]" },
		{ "a\\\\ b", "[a\\][b]" },
		{ "a\\\\\\ b", "[a\\ b]" },
		{ "\\a\\b\\n\\t", "[abnt]" },
		{ "\\ ", "[ ]" },
		{ "\\ a", "[ a]" },
		{ "a\\", "[a]" },
		{ "a \\", "[a]" },
		{ "\\", "" },
		{ "\\\\", "[\\]" },
		{ "\\#0", "[#0]" },
		/* quotes are ordinary */
		{ "\"a b\"", "[\"a][b\"]" },
		{ "'a b' c", "['a][b'][c]" },
		{ "\"a;b\"", "[\"a];[b\"]" },
		/* semicolons */
		{ "a;b", "[a];[b]" },
		{ "a ; b", "[a];[b]" },
		{ "a b;c d;e", "[a][b];[c][d];[e]" },
		{ ";", ";" },
		{ ";;", ";;" },
		{ "a;", "[a];" },
		{ ";a", ";[a]" },
		{ "a;;b", "[a];;[b]" },
		{ "a; ;b", "[a];;[b]" },
		{ "a\\\\;b", "[a\\];[b]" },
		{ "a \\;b", "[a][;b]" },
		{ "a;\\", "[a];" },
		/* payloads */
		{ "a <<", "[a]<<" },
		{ "<<", "<<" },
		{ "a << ", "[a][<<]" },
		{ "a <<\t", "[a][<<]" },
		{ "a << b", "[a][<<][b]" },
		{ "a << <<", "[a][<<]<<" },
		{ "a<<", "[a<<]" },
		{ "a <<<", "[a][<<<]" },
		{ "a <", "[a][<]" },
		{ "a <<b", "[a][<<b]" },
		{ "a <<;b", "[a]<<;[b]" },
		{ "a << ;b", "[a][<<];[b]" },
		{ "<< <<;<<", "[<<]<<;<<" },
		/* a LF that was escaped */
		{ "a\\\nb c", "[a\nb][c]" },
		{ "a;b <<", "[a];[b]<<" },
		{ "a \\<<", "[a][<<]" },
		{ "a <\\<", "[a][<<]" },
		{ "a \\<< <<", "[a][<<]<<" },
		/* no comments, case kept, high bytes kept */
		{ "# a", "[#][a]" },
		{ "Show TLS-keys", "[Show][TLS-keys]" },
		{ "\xc3\xa4 \x80\xff", "[\xc3\xa4][\x80\xff]" },
	};
	char out[200];

	for (size_t i = 0; i < COUNT(rows); i++) {
		show(rows[i][0], out, sizeof(out));
		CHECK(!strcmp(out, rows[i][1]), "'%s' gives '%s'", rows[i][0], out);
	}
}

static void how_many(void)
{
	for (unsigned n = 60; n < 70; n++) {
		for (unsigned payload = 0; payload < 2; payload++) {
			char line[300] = "", *rest = line;
			struct tk_words w;
			bool fits = n <= TK_WORDS_MAX;

			for (unsigned i = 0; i < n; i++)
				sprintf(line + strlen(line), "%u ", i);
			strcat(line, payload ? "<<;next" : ";next");
			CHECK(tk_words_next(&rest, &w) == (fits ? 0 : TK_E_RANGE), "%u words", n);
			CHECK(w.n == (fits ? n : 0), "%u words", n);
			CHECK(w.payload == (payload == 1), "%u words", n);
			for (unsigned i = 0; i < w.n; i++)
				CHECK((unsigned)atoi(w.w[i]) == i, "%u words", n);
			CHECK(rest != NULL && !strcmp(rest, "next"), "%u words", n);
		}
	}
	CU_ASSERT_EQUAL(TK_WORDS_MAX, 64);
}

static void quote(void)
{
	static const char *const rows[][3] = {
		{ "", "a", "a" },	  { "a", "b", "a b" },		  { "a", "b c", "a b\\ c" },
		{ "", "\t", "\\\t" },	  { "", ";", "\\;" },		  { "", "\\", "\\\\" },
		{ "", "<<", "<\\<" },	  { "", "<<<", "<<\\<" },		  { "", "a<<", "a<\\<" },
		{ "", "<<a", "<<a" },	  { "", "<", "<" },		  { "<", "<", "< <" },
		{ "", "\"'#", "\"'#" },	  { "x y", "\\ ;", "x y \\\\\\ \\;" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t need = strlen(rows[i][2]) + 1;

		for (size_t cap = strlen(rows[i][0]) + 1; cap <= need + 1; cap++) {
			bool fits = cap >= need;
			char buf[40];

			memset(buf, 'g', sizeof(buf));
			strcpy(buf, rows[i][0]);
			CHECK(tk_words_quote(buf, cap, rows[i][1]) == (fits ? 0 : TK_E_RANGE),
			      "'%s' into %zu", rows[i][1], cap);
			CHECK(!strcmp(buf, rows[i][fits ? 2 : 0]), "'%s' into %zu: '%s'",
			      rows[i][1], cap, buf);
			CHECK(buf[cap] == 'g', "'%s' into %zu", rows[i][1], cap);
		}
	}
}

static void cannot_be_quoted(void)
{
	static const char *const bad[] = { "", "\n", "\r", "a\n", "a\rb" };

	for (size_t i = 0; i < COUNT(bad); i++) {
		char buf[20] = "x";

		CHECK(tk_words_quote(buf, sizeof(buf), bad[i]) == TK_E_RANGE, "row %zu", i);
		CHECK(!strcmp(buf, "x"), "row %zu", i);
	}
}

static void random_word(uint64_t *seed, char *word)
{
	static const char often[] = " \t;\\<<'\"#a";
	size_t len = 1 + unit_random(seed) % 8;

	for (size_t i = 0; i < len; i++) {
		uint64_t v = unit_random(seed) >> 8;
		char c = (char)(v % 255 + 1);

		word[i] = v >> 20 & 3 || c == '\n' || c == '\r' ? often[v % (sizeof(often) - 1)] : c;
	}
	word[len] = '\0';
}

/* Whatever words are quoted into a line, the same come out. */
static void round_trip(void)
{
	char word[TK_WORDS_MAX][16], line[2000];
	uint64_t seed = 11;

	for (unsigned turn = 0; turn < 20000; turn++) {
		unsigned n = 1 + (unsigned)(unit_random(&seed) % TK_WORDS_MAX);
		struct tk_words w;
		char *rest = line;

		line[0] = '\0';
		for (unsigned i = 0; i < n; i++) {
			random_word(&seed, word[i]);
			CHECK(tk_words_quote(line, sizeof(line), word[i]) == 0, "turn %u", turn);
		}
		CHECK(!tk_words_payload(line, strlen(line)), "turn %u: %s", turn, line);
		CHECK(tk_words_cut(line, strlen(line)) == strlen(line), "turn %u: %s", turn, line);
		CHECK(tk_words_next(&rest, &w) == 0, "turn %u", turn);
		CHECK(w.n == n && rest == NULL && !w.payload, "turn %u: %u, not %u", turn, w.n, n);
		for (unsigned i = 0; i < w.n && i < n; i++)
			CHECK(!strcmp(w.w[i], word[i]), "turn %u, word %u", turn, i);
	}
}

/* Where the first command ends, whether it waits for a payload, and whether it gets it: the word
 * `<<` alone announces one. */
static void cut(void)
{
	static const struct {
		const char *text;
		int end; /* -1: nowhere */
		bool waits, announced;
	} rows[] = {
		{ "", -1, false, false },	   { "a", -1, false, false },
		{ "a\\", -1, false, false },	   { "a\\\n", -1, false, false },
		{ "a\\;", -1, false, false },	   { "\n", 0, false, false },
		{ ";", 0, false, false },	   { "a;b\n", 1, false, false },
		{ "a\nb;", 1, false, false },	   { "a\\\nb\n", 4, false, false },
		{ "a\\;b;c\n", 4, false, false },   { "a\\\\;b", 3, false, false },
		{ "a\\\\\\;b\n", 6, false, false }, { "<<\n", 2, true, true },
		{ "a <<;", 4, true, true },	   { "a\t<<\n", 4, true, true },
		{ "a << \n", 5, false, false },	   { "a <<\t;", 5, false, false },
		{ "a<<\n", 3, true, false },	   { "a <<<\n", 5, true, false },
		{ "a \\<<\n", 5, true, false },	   { "a <\\<\n", 5, false, false },
		{ "a\\ <<\n", 5, true, false },	   { "a\\\\ <<\n", 6, true, true },
		{ "a << b\n", 6, false, false },	   { "a <<\\\n\n", 6, false, false },
		{ "<\n", 1, false, false },	   { "a <\n<\n", 3, false, false },
		{ "<< <<\n", 5, true, true },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = strlen(rows[i].text), end = tk_words_cut(rows[i].text, len);
		char copy[64], *rest = copy;
		struct tk_words w;

		CHECK(end == (rows[i].end < 0 ? len : (size_t)rows[i].end), "row %zu: %zu", i, end);
		CHECK(tk_words_payload(rows[i].text, end) == rows[i].waits, "row %zu", i);
		memcpy(copy, rows[i].text, end);
		copy[end] = '\0';
		CU_ASSERT_EQUAL(tk_words_next(&rest, &w), 0);
		CHECK(rest == NULL, "row %zu: another command in it", i);
		CHECK(w.payload == rows[i].announced, "row %zu", i);
	}
}

static const struct unit_test tests[] = {
	{ "split", split },
	{ "how many", how_many },
	{ "quote", quote },
	{ "cannot be quoted", cannot_be_quoted },
	{ "round trip", round_trip },
	{ "cut", cut },
};
UNIT_MAIN("words", tests)
