/* SPDX-License-Identifier: Apache-2.0 */
/* test_err.c - messages: filled, cut at the end, and not wanted at all. */
#include "tests/unit/unit.h"

#include "tkprov/err.h"

static void filled(void)
{
	struct tk_error e;

	CU_ASSERT_EQUAL(tk_err_set(&e, TK_E_PARSE, "%s:%u: no", "file", 7U), TK_E_PARSE);
	CU_ASSERT_EQUAL(e.code, TK_E_PARSE);
	CU_ASSERT_STRING_EQUAL(e.text, "file:7: no");
}

static void unwanted(void)
{
	CU_ASSERT_EQUAL(tk_err_set(NULL, TK_E_SYS, "%d", 1), TK_E_SYS);
}

static void cut(void)
{
	struct {
		struct tk_error e;
		char guard;
	} box = { .guard = 'g' };

	for (int len = TK_ERR_TEXT - 2; len <= TK_ERR_TEXT + 2; len++) {
		tk_err_set(&box.e, TK_E_RANGE, "%*d", len, 1);
		CHECK(strlen(box.e.text) == (size_t)(len < TK_ERR_TEXT ? len : TK_ERR_TEXT - 1),
		      "length %d", len);
		CHECK(box.guard == 'g', "length %d", len);
	}
}

static const struct unit_test tests[] = {
	{ "filled", filled },
	{ "unwanted", unwanted },
	{ "cut", cut },
};
UNIT_MAIN("err", tests)
