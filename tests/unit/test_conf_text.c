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
	unsigned at = 0;

	CHECK(tk_conf_text_check(text, len, &at, &e) == code, "%s: %s", text, e.text);
	CHECK(code == 0 || at == line, "%s: line %u", text, at);
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

static const struct unit_test tests[] = {
	{ "good", good },
	{ "bad", bad },
};
UNIT_MAIN("conf_text", tests)
