/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_conf_memory.c - tkprov.conf when memory runs out, at each place where it can.
 */
#include "tests/unit/unit.h"

#include <unistd.h>

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

/* Loads with ever more memory until it is enough.  Before that: an error that says so, nothing to
 * look at, and nothing lost. */
static void until_enough(const char *text, bool ahead_too)
{
	long before = heap_live;
	unsigned short_of = 0;
	int rc = TK_E_NOMEM;

	write_text(text);
	for (long n = 0; n < 1000 && rc != 0; n++) {
		struct tk_conf *conf = NULL, *ahead = NULL;
		struct tk_error e = { 0 };

		heap_left = n;
		rc = tk_conf_load(&conf, FILE_NAME, ahead_too ? &ahead : NULL, &e);
		heap_left = -1;
		CHECK(rc == 0 || (rc == TK_E_NOMEM && strstr(e.text, "out of memory")), "%ld: %d, %s", n,
		      rc, e.text);
		CHECK((rc == 0) == (conf != NULL), "%ld", n);
		short_of += rc != 0;
		tk_conf_free(&conf);
		tk_conf_free(&ahead);
		CHECK(heap_live == before, "%ld: %ld left", n, heap_live - before);
	}
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_TRUE(short_of > 3);
}

static void everywhere(void)
{
	until_enough(full, false);
	until_enough(full, true);
	until_enough("", false);
}

static const struct unit_test tests[] = {
	{ "out of memory everywhere", everywhere },
};

int main(void)
{
	char dir[] = "/tmp/tkprov-memory-XXXXXX";
	int bad;

	if (!mkdtemp(dir) || chdir(dir) == -1)
		return 1;
	bad = unit_main("conf_memory", tests, COUNT(tests));
	unlink(FILE_NAME);
	return rmdir(dir) == -1 || bad;
}
