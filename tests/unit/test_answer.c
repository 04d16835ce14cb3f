/* SPDX-License-Identifier: Apache-2.0 */
/* test_answer.c - tkctl's reading of answers: whole or cut off, and what is printed where. */
#include "tests/unit/unit.h"

#include "ctl/answer.h"

static void whole(void)
{
	static const struct {
		const char *text;
		bool whole, silent;
	} rows[] = {
		{ "\na\n\n", true, true },
		{ "\n\n", true, true },
		{ "\n[6]: a\nb\n\n[3]: c\n\n\n", true, true },
		{ "\n", false, true },
		{ "", false, false },
		{ "\na", false, false },
		{ "\na\n", false, false },
		{ "\na\n\nb", false, false },
		{ "\na\n\nb\n", false, false },
		{ "a\n\n", false, true }, /* nothing about the first command */
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = strlen(rows[i].text);
		char *exact = malloc(len + 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
		/* no NUL behind it, so that a sanitizer sees each step too far */
		exact = realloc(exact, len ? len : 1);
		memcpy(exact, rows[i].text, len);
		CHECK(tk_answer_whole(exact, len, false) == rows[i].whole, "row %zu", i);
		CHECK(tk_answer_whole(exact, len, true) == rows[i].silent, "row %zu", i);
		free(exact);
	}
}

static void printed(void)
{
	static const struct {
		const char *text, *out, *err;
		enum tk_status status;
	} rows[] = {
		{ "\n# id (file)\n0 (a)\n\n", "# id (file)\n0 (a)\n", "", TK_STATUS_DONE },
		{ "\n[6]: done!\n\n", "done!\n", "", TK_STATUS_DONE },
		{ "\n[6]: a\nb\n\n", "a\nb\n", "", TK_STATUS_DONE },
		{ "\n[4]: hm\n\n", "hm\n", "", TK_STATUS_DONE },
		{ "\n[3]: no\n\n", "", "w: no\n", TK_STATUS_FAILED },
		{ "\n[0]: no\n\n", "", "w: no\n", TK_STATUS_FAILED },
		{ "\n[3]: Permission denied\n\n", "", "w: Permission denied\n", TK_STATUS_DENIED },
		{ "\nPermission denied\n\n", "", "w: Permission denied\n", TK_STATUS_DENIED },
		{ "\n[6]: Unknown command: 'x'.\n  a\n\n", "", "w: Unknown command: 'x'.\n  a\n",
		  TK_STATUS_FAILED },
		{ "\n\n", "", "", TK_STATUS_DONE },
		{ "\na\n\nb\n\n", "a\n\nb\n", "", TK_STATUS_DONE },
		{ "\na\n\n[3]: no\n\n[6]: b\n\n", "a\n\nb\n", "w: no\n", TK_STATUS_FAILED },
		{ "\n[3]: Permission denied\n\n[3]: no\n\n", "", "w: Permission denied\nw: no\n",
		  TK_STATUS_DENIED },
		/* no severities */
		{ "\n[3]:no\n\n", "[3]:no\n", "", TK_STATUS_DONE },
		{ "\n[12]: a\n\n", "[12]: a\n", "", TK_STATUS_DONE },
		{ "\n[8]: a\n\n", "[8]: a\n", "", TK_STATUS_DONE },
		{ "\na [3]: b\n\n", "a [3]: b\n", "", TK_STATUS_DONE },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char *out = NULL, *err = NULL;
		size_t out_len, err_len;
		FILE *o = open_memstream(&out, &out_len), *e = open_memstream(&err, &err_len);
		enum tk_status s;

		CU_ASSERT_TRUE_FATAL(o && e);
		s = tk_answer_print(rows[i].text, strlen(rows[i].text), "w", o, e);
		fclose(o);
		fclose(e);
		CHECK(s == rows[i].status, "%s: %d", rows[i].text, (int)s);
		CHECK(strcmp(out, rows[i].out) == 0, "%s: %s", rows[i].text, out);
		CHECK(strcmp(err, rows[i].err) == 0, "%s: %s", rows[i].text, err);
		free(out);
		free(err);
	}
}

static const struct unit_test tests[] = {
	{ "whole", whole },
	{ "printed", printed },
};
UNIT_MAIN("answer", tests)
