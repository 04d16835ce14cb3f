/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_conf_memory.c - tkprov.conf when memory runs out, at each place where it can.
 */
#include "tests/unit/unit.h"


#include "common/conf.h"
#include "tests/unit/heap.h"

#define FILE_NAME "t.conf"

static const char full[] =
	"sockets = ( { path = \"/tmp/a\"; }, { path = \"/tmp/b\"; level = \"operator\"; } );\n"
	"rings = ( { file = \"/tmp/k\"; server_names = [ \"a.test\", \"*.b.test\" ]; },\n"
	"          { name = \"rest\"; slots = 4; } );\n"
	"programs = [ \"nginx\", \"haproxy\" ];\n"
	"log = { target = \"/tmp/log\"; };\n";

static void write_text(const char *text)
{
	FILE *f = fopen(FILE_NAME, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_TRUE(fputs(text, f) >= 0);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

/* Loads with one allocation after the other that fails, alone or with all that follow.  Then: an
 * error that says so, nothing to look at, and nothing lost. */
static void at_each(const char *text, bool ahead_too)
{
	long before = heap_live;
	bool failed = true;
	long n;

	write_text(text);
	for (n = 0; n < 1000 && failed; n++) {
		struct tk_conf *conf = NULL, *ahead = NULL;
		struct tk_error e = { 0 };
		int rc;

		heap_left = n;
		heap_failed = 0;
		rc = tk_conf_load(&conf, FILE_NAME, ahead_too ? &ahead : NULL, &e);
		failed = heap_failed > 0;
		heap_left = -1;
		CHECK(rc == (failed ? TK_E_NOMEM : 0), "%ld: %d", n, rc);
		CHECK(!failed || strstr(e.text, "out of memory"), "%ld: %s", n, e.text);
		CHECK(failed == (conf == NULL), "%ld", n);
		tk_conf_free(&conf);
		tk_conf_free(&ahead);
		CHECK(heap_live == before, "%ld: %ld left", n, heap_live - before);
	}
	CU_ASSERT_TRUE(n > 4 && !failed);
}

static void everywhere(void)
{
	for (heap_once = 0; heap_once < 2; heap_once++) {
		at_each(full, false);
		at_each(full, true);
		at_each("", false);
	}
}

static const struct unit_test tests[] = {
	{ "out of memory everywhere", everywhere },
};

int main(void)
{
	return unit_main_in_folder("conf_memory", tests, COUNT(tests), FILE_NAME);
}
