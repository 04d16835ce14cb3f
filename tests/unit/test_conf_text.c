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
	CHECK(code != 0 || f.at == len, "%s: %zu", text, f.at);
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
	};
	static const char nul[] = "a = 1;\n\0";

	for (size_t i = 0; i < COUNT(rows); i++)
		check(rows[i].text, strlen(rows[i].text), rows[i].code, rows[i].line,
		      rows[i].message);
	check(nul, sizeof(nul) - 1, TK_E_PARSE, 2, "a NUL byte");
}

static void large_numbers(void)
{
	static const struct {
		const char *text;
		unsigned line;
	} rows[] = {
		{ "a = 2147483648;", 1 },
		{ "a = \n0x80000000;", 2 },
		{ "a=-4294967293;", 1 },
		{ "a=[1,4294967299];", 1 },
		{ "/**/4294967299", 1 },
		{ "/*\n\n*/ a = 99999999999999999999999999;\nb = 99999999999;", 3 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK(tk_conf_text_large_number(rows[i].text) == rows[i].line, "%s", rows[i].text);
}

/* `|` in the text is the place of the fault. */
static void places(void)
{
	static const char *const rows[] = {
		"a = 1; |\"b;\n", "a = 1;\n|/* b\n\n", "a = 4294967299; |\"b;\n",
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

/* `|` is where a setting ends and the next one begins. */
static void settings(void)
{
	static const char *const rows[] = {
		"", "a", "a = 1", "a = 1;", "a = 1;| b = 2", "a = 1 |b = 2", "a = 1, |b : 2",
		"a = 1\n|b", "a = 1\n\n|b\n= 2", "a\n=\n1 # ;\n# c = 1\n|b", "a = 1;|;| ;|\n\n",
		"a = 1;| # b;\n /* c = 1;\n */ d", "a = \"b;\nc\" \n\"d\" # ;\n\"e\";| f",
		"a = \"b\\\";\nc = 1\";| d", "a = (;\nb = 1\n);| b", "a = (1)\n|[2];|[3]",
		"a = |b = 1", "x |a = |b = 1", "= 1;| = |a = 1", "a /* = 1 */ = /* b = 2; */ 1 |b = 2",
		"a-b = 1 |c*d.e_f = 2", "a = { b = 1;\n c = 2;\n", "a = { b = [ ( ; ) ] }\n|c",
	};
	char text[64];

	for (size_t i = 0; i < COUNT(rows); i++) {
		char is[64] = "";
		size_t len = 0, used = 0, n;

		for (const char *p = rows[i]; *p; p++)
			if (*p != '|')
				text[len++] = *p;
		for (size_t at = 0; at < len; at += n) {
			n = tk_conf_text_setting(text + at, len - at);
			CU_ASSERT_FATAL(n > 0 && n <= len - at);
			used += (size_t)snprintf(is + used, sizeof(is) - used, "%s%.*s",
						 at ? "|" : "", (int)n, text + at);
		}
		CHECK(strcmp(is, rows[i]) == 0, "%s\n    is: %s", rows[i], is);
	}
}

static void closed_too_often(void)
{
	CU_ASSERT_EQUAL(tk_conf_text_setting("a = (1) ); b", 12), 8);
	CU_ASSERT_EQUAL(tk_conf_text_setting("); b", 4), 0);
}

static void names(void)
{
	CU_ASSERT_EQUAL(tk_conf_text_name("a-b_*3=c"), 6);
	CU_ASSERT_EQUAL(tk_conf_text_name("ab"), 2);
	CU_ASSERT_EQUAL(tk_conf_text_name(" a"), 0);
	CU_ASSERT_EQUAL(tk_conf_text_name(""), 0);
}

static const struct unit_test tests[] = {
	{ "good", good },
	{ "bad", bad },
	{ "places", places },
	{ "settings", settings },
	{ "closed too often", closed_too_often },
	{ "names", names },
	{ "large numbers", large_numbers },
};
UNIT_MAIN("conf_text", tests)
