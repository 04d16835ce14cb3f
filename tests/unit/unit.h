/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unit.h - what every unit test program shares: a main that cannot pass by running
 * nothing, checks that name the row of a table that failed, and numbers that are the
 * same in every run.  Included once a program.
 */
#ifndef TK_UNIT_H
#define TK_UNIT_H

#include <CUnit/Basic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a table can be counted with. */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A check inside a loop: the text says which turn it was. */
#define CHECK(cond, ...)                                                                           \
	do {                                                                                       \
		int ok_ = (cond) ? 1 : 0;                                                          \
		if (!ok_) {                                                                        \
			printf("\n    %s:%d: %s: ", __FILE__, __LINE__, #cond);                    \
			printf(__VA_ARGS__);                                                       \
		}                                                                                  \
		CU_assertImplementation(ok_ ? CU_TRUE : CU_FALSE, __LINE__, #cond, __FILE__,       \
					__func__, CU_FALSE);                                       \
	} while (0)

struct unit_test {
	const char *name;
	void (*run)(void);
};

/* xorshift64*, from a fixed seed. */
static inline uint64_t unit_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dU;
}

/* Runs them all; the exit status of the program. */
static inline int unit_main(const char *suite_name, const struct unit_test *tests, unsigned count)
{
	CU_pSuite suite;
	int bad = 1;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite(suite_name, NULL, NULL);
	if (!suite)
		goto out;
	for (unsigned i = 0; i < count; i++)
		if (!CU_add_test(suite, tests[i].name, tests[i].run))
			goto out;
	CU_basic_set_mode(CU_BRM_VERBOSE);
	if (CU_basic_run_tests() != CUE_SUCCESS)
		goto out;
	bad = CU_get_number_of_failures() != 0 || CU_get_number_of_failure_records() != 0 ||
	      CU_get_number_of_suites_failed() != 0 || CU_get_number_of_tests_run() != count ||
	      count == 0 || CU_get_number_of_asserts() == 0;
out:
	CU_cleanup_registry();
	return bad;
}

/* In a folder of its own, where nothing may be left at the end but `file`, if it is not NULL. */
static inline int unit_main_in_folder(const char *suite_name, const struct unit_test *tests,
				      unsigned count, const char *file)
{
	char dir[] = "/tmp/tkprov-unit-XXXXXX";
	int bad;

	if (!mkdtemp(dir) || chdir(dir) == -1)
		return 1;
	bad = unit_main(suite_name, tests, count);
	if (file)
		unlink(file);
	return rmdir(dir) == -1 || bad;
}

#define UNIT_MAIN(name, tests)                                                                     \
	int main(void)                                                                             \
	{                                                                                          \
		return unit_main(name, tests, COUNT(tests));                                       \
	}

#endif
