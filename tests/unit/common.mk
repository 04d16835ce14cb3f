# SPDX-License-Identifier: Apache-2.0
# tests/unit/: the CUnit programs of common/ and ctl/.

common_unit_tests = \
	tests/unit/test_answer \
	tests/unit/test_conf \
	tests/unit/test_conf_ahead \
	tests/unit/test_conf_memory \
	tests/unit/test_conf_text \
	tests/unit/test_conf_value \
	tests/unit/test_keystore \
	tests/unit/test_paths \
	tests/unit/test_random
check_PROGRAMS += $(common_unit_tests)
TESTS += $(common_unit_tests)

COMMON_UNIT_CPPFLAGS = $(TK_CPPFLAGS) $(CUNIT_CFLAGS)
COMMON_UNIT_LIBS = libtkcommon.la $(CUNIT_LIBS)

tests_unit_test_answer_SOURCES = tests/unit/test_answer.c tests/unit/unit.h ctl/answer.c
tests_unit_test_answer_CPPFLAGS = $(COMMON_UNIT_CPPFLAGS)
tests_unit_test_answer_CFLAGS = $(TK_CFLAGS)
tests_unit_test_answer_LDADD = $(COMMON_UNIT_LIBS)

# its own conf.c, for a default file that is the test's
tests_unit_test_conf_SOURCES = tests/unit/test_conf.c tests/unit/unit.h common/conf.c
tests_unit_test_conf_CPPFLAGS = $(COMMON_UNIT_CPPFLAGS) $(LIBCONFIG_CFLAGS) \
	-USYSCONFDIR -DSYSCONFDIR=\"etc\"
tests_unit_test_conf_CFLAGS = $(TK_CFLAGS)
tests_unit_test_conf_LDADD = $(COMMON_UNIT_LIBS)

tests_unit_test_conf_ahead_SOURCES = tests/unit/test_conf_ahead.c tests/unit/unit.h
tests_unit_test_conf_ahead_CPPFLAGS = $(COMMON_UNIT_CPPFLAGS)
tests_unit_test_conf_ahead_CFLAGS = $(TK_CFLAGS)
tests_unit_test_conf_ahead_LDADD = $(COMMON_UNIT_LIBS)

tests_unit_test_conf_memory_SOURCES = tests/unit/test_conf_memory.c tests/unit/unit.h tests/unit/heap.h
tests_unit_test_conf_memory_CPPFLAGS = $(COMMON_UNIT_CPPFLAGS)
tests_unit_test_conf_memory_CFLAGS = $(TK_CFLAGS)
tests_unit_test_conf_memory_LDFLAGS = $(TK_LDFLAGS) $(unit_heap_wrap) -Wl,--wrap=strdup
tests_unit_test_conf_memory_LDADD = $(COMMON_UNIT_LIBS)

tests_unit_test_conf_text_SOURCES = tests/unit/test_conf_text.c tests/unit/unit.h
tests_unit_test_conf_text_CPPFLAGS = $(COMMON_UNIT_CPPFLAGS)
tests_unit_test_conf_text_CFLAGS = $(TK_CFLAGS)
tests_unit_test_conf_text_LDADD = $(COMMON_UNIT_LIBS)

tests_unit_test_conf_value_SOURCES = tests/unit/test_conf_value.c tests/unit/unit.h
tests_unit_test_conf_value_CPPFLAGS = $(COMMON_UNIT_CPPFLAGS)
tests_unit_test_conf_value_CFLAGS = $(TK_CFLAGS)
tests_unit_test_conf_value_LDADD = $(COMMON_UNIT_LIBS)

tests_unit_test_keystore_SOURCES = tests/unit/test_keystore.c tests/unit/unit.h
tests_unit_test_keystore_CPPFLAGS = $(COMMON_UNIT_CPPFLAGS)
tests_unit_test_keystore_CFLAGS = $(TK_CFLAGS)
tests_unit_test_keystore_LDFLAGS = $(TK_LDFLAGS) -Wl,--wrap=flock
tests_unit_test_keystore_LDADD = $(COMMON_UNIT_LIBS)

tests_unit_test_paths_SOURCES = tests/unit/test_paths.c tests/unit/unit.h
tests_unit_test_paths_CPPFLAGS = $(COMMON_UNIT_CPPFLAGS)
tests_unit_test_paths_CFLAGS = $(TK_CFLAGS)
tests_unit_test_paths_LDADD = $(COMMON_UNIT_LIBS)

tests_unit_test_random_SOURCES = tests/unit/test_random.c tests/unit/unit.h
tests_unit_test_random_CPPFLAGS = $(COMMON_UNIT_CPPFLAGS)
tests_unit_test_random_CFLAGS = $(TK_CFLAGS)
tests_unit_test_random_LDADD = $(COMMON_UNIT_LIBS)
