/* SPDX-License-Identifier: Apache-2.0 */
/* test_paths.c - the socket of an instance: names that are none, and the exact fit. */
#include "tests/unit/unit.h"

#include "common/paths.h"
#include "tkprov/err.h"

static void names(void)
{
	char out[200];

	CU_ASSERT_EQUAL(tk_path_instance_socket("nginx", out, sizeof(out)), 0);
	CU_ASSERT_STRING_EQUAL(out, RUNSTATEDIR "/tkprov/nginx.sock");
	CU_ASSERT_EQUAL(tk_path_instance_socket("tkprov", out, sizeof(out)), 0);
	CU_ASSERT_STRING_EQUAL(out, TK_DEFAULT_SOCKET);
	CU_ASSERT_EQUAL(tk_path_instance_socket("", out, sizeof(out)), TK_E_RANGE);
	CU_ASSERT_EQUAL(tk_path_instance_socket("../x", out, sizeof(out)), TK_E_RANGE);
	CU_ASSERT_EQUAL(tk_path_instance_socket("/x", out, sizeof(out)), TK_E_RANGE);
}

static void fit(void)
{
	char out[sizeof(TK_RUN_DIR "/x.sock") + 1];

	out[sizeof(out) - 1] = 'g';
	CU_ASSERT_EQUAL(tk_path_instance_socket("x", out, sizeof(out) - 1), 0);
	CU_ASSERT_STRING_EQUAL(out, TK_RUN_DIR "/x.sock");
	CU_ASSERT_EQUAL(tk_path_instance_socket("xx", out, sizeof(out) - 1), TK_E_RANGE);
	CU_ASSERT_EQUAL(tk_path_instance_socket("x", out, sizeof(out) - 2), TK_E_RANGE);
	CU_ASSERT_EQUAL(out[sizeof(out) - 1], 'g');
}

static const struct unit_test tests[] = {
	{ "names", names },
	{ "fit", fit },
};
UNIT_MAIN("paths", tests)
