/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_conf_text.c - what libconfig would pass over: NULs, includes, comments without an
 * end, integers too large; and what only looks like it.
 */
#include "tests/unit/unit.h"

#include "common/conf_text.h"

static void check(const char *text, size_t len, int code, unsigned line, const char *message)
{
	struct tk_error e = {0};
	struct tk_conf_fault f;

	CHECK(tk_conf_text_check(text, len, &f, &e) == code, "%s: %s", text, e.text);
	CHECK(code == 0 || f.line == line, "%s: line %u", text, f.line);
	CHECK(strcmp(e.text, message) == 0, "%s: %s", text, e.text);
}

static void good(void)
{
	static const char *const rows[] = {
		"",
		"\n",
		"a = 2147483647; b = -2147483647; c = 0x7fffffff;",
		"a = 4294967296L; b = 99999999999.5; c = 10000000000e3;",
		"a = \"4294967296\"; // 4294967296",
		"a4294967296 = 1; a_4294967296 = 1;",
		"/* 4294967296 */ # 4294967296",
		"a = \"/*\"; b = \"\\\"/*\"; c = \"\\\\\"; # /*",
		"// /*\n# \" /*",
		"/**/ /***/ /* // */ a = 1;",
		"/* \" */ a = \"*/\";",
		"a = \"@include\"; # @include\nb = 1; @include",
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		check(rows[i], strlen(rows[i]), 0, 0, "");
}

static void bad(void)
{
	static const struct {
		const char *text;
		int code;
		unsigned line;
		const char *message;
	} rows[] = {
		{ "@include", TK_E_PARSE, 1, "@include is not supported" },
		{ "\n \t@include \"a\"", TK_E_PARSE, 2, "@include is not supported" },
		{ "a = \"\n@include \"b\"\n", TK_E_PARSE, 2, "@include is not supported" },
		{ "/*\n\n@include \"b\"\n*/", TK_E_PARSE, 3, "@include is not supported" },
		{ "/*", TK_E_PARSE, 1, "the comment that begins here has no end" },
		{ "a = 1;\n/*\n\n*", TK_E_PARSE, 2, "the comment that begins here has no end" },
		{ "/*/", TK_E_PARSE, 1, "the comment that begins here has no end" },
		{ "\"\\\\\" /*", TK_E_PARSE, 1, "the comment that begins here has no end" },
		{ "a = 1;\nb = \"x\\\"\n;", TK_E_PARSE, 2,
		  "the string that begins here has no end" },
		{ "a = 2147483648;", TK_E_RANGE, 1, "the number is too large" },
		{ "a = \n0x80000000;", TK_E_RANGE, 2, "the number is too large" },
		{ "a=-4294967293;", TK_E_RANGE, 1, "the number is too large" },
		{ "a=[1,4294967299];", TK_E_RANGE, 1, "the number is too large" },
		{ "/**/4294967299", TK_E_RANGE, 1, "the number is too large" },
		{ "a = 99999999999999999999999999;", TK_E_RANGE, 1, "the number is too large" },
	};
	static const char nul[] = "a = 1;\n\0";

	for (size_t i = 0; i < COUNT(rows); i++)
		check(rows[i].text, strlen(rows[i].text), rows[i].code, rows[i].line,
		      rows[i].message);
	check(nul, sizeof(nul) - 1, TK_E_PARSE, 2, "a NUL byte");
}

/* `|` in the text is the place of the fault. */
static void places(void)
{
	static const char *const rows[] = {
		"a = 1; |\"b;\n", "a = 1;\n|/* b\n\n", "a = |4294967299;", "a = [ 1, |4294967299",
		"a = 1;\n|@include \"x\"", "/*\n|@include\n*/",
	};
	char text[64];

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t at = strcspn(rows[i], "|");
		struct tk_conf_fault f;
		struct tk_error e;

		snprintf(text, sizeof(text), "%.*s%s", (int)at, rows[i], rows[i] + at + 1);
		CHECK(tk_conf_text_check(text, strlen(text), &f, &e) != 0, "%s", text);
		CHECK(f.at == at, "%s: %zu", rows[i], f.at);
	}
}

/* `|` is where an option may have ended for the last time. */
static void whole(void)
{
	static const char *const rows[] = {
		"|", "|a = 1", "|a = 1;", "a = 1;| b", "a = 1\n|b", "a = 1;|\n\n\n", "a = 1;| # b\n",
		"a = 1;| /* b;\n */ c", "a = \"b;\nc\";| d", "a = (;\n);| b", "a = 1;| b = { c = 1; d = [",
		"|a = \"b\\\";\n", "|a = { b = 1;\n c = 2;\n", "a = 1 # b\n|c", "|\n\n# a;\n",
	};
	char text[64];

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t at = strcspn(rows[i], "|"), is;

		snprintf(text, sizeof(text), "%.*s%s", (int)at, rows[i], rows[i] + at + 1);
		is = tk_conf_text_whole(text, strlen(text));
		CHECK(is == at, "%s: %zu", rows[i], is);
	}
}

static void line_ends(void)
{
	static const size_t ends[] = { 0, 2, 3, 4, 4, 4 };

	for (unsigned i = 0; i < COUNT(ends); i++)
		CU_ASSERT_EQUAL(tk_conf_text_line_end("a\n\nb", 4, i), ends[i]);
}

static const struct unit_test tests[] = {
	{ "good", good },
	{ "bad", bad },
	{ "places", places },
	{ "whole", whole },
	{ "line ends", line_ends },
};
UNIT_MAIN("conf_text", tests)
