# SPDX-License-Identifier: Apache-2.0
# tests/unit/: one CUnit program a module.

core_unit_tests = \
	tests/unit/test_b64 \
	tests/unit/test_commands \
	tests/unit/test_err \
	tests/unit/test_key \
	tests/unit/test_keyfile \
	tests/unit/test_names \
	tests/unit/test_near \
	tests/unit/test_reply \
	tests/unit/test_ring \
	tests/unit/test_tag \
	tests/unit/test_weak \
	tests/unit/test_words
check_PROGRAMS += $(core_unit_tests)
TESTS += $(core_unit_tests)
EXTRA_DIST += tests/unit/valgrind.supp

UNIT_CPPFLAGS = $(TK_CPPFLAGS) $(CUNIT_CFLAGS)
CORE_UNIT_LIBS = libtkcore.la $(CUNIT_LIBS)
# tests/unit/heap.h stands between the code under test and the heap
unit_heap_wrap = -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=aligned_alloc -Wl,--wrap=free

tests_unit_test_b64_SOURCES = tests/unit/test_b64.c tests/unit/unit.h
tests_unit_test_b64_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_b64_CFLAGS = $(TK_CFLAGS)
tests_unit_test_b64_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_commands_SOURCES = tests/unit/test_commands.c tests/unit/unit.h
tests_unit_test_commands_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_commands_CFLAGS = $(TK_CFLAGS)
tests_unit_test_commands_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_err_SOURCES = tests/unit/test_err.c tests/unit/unit.h
tests_unit_test_err_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_err_CFLAGS = $(TK_CFLAGS)
tests_unit_test_err_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_key_SOURCES = tests/unit/test_key.c tests/unit/unit.h
tests_unit_test_key_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_key_CFLAGS = $(TK_CFLAGS)
tests_unit_test_key_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_keyfile_SOURCES = tests/unit/test_keyfile.c tests/unit/unit.h
tests_unit_test_keyfile_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_keyfile_CFLAGS = $(TK_CFLAGS)
tests_unit_test_keyfile_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_names_SOURCES = tests/unit/test_names.c tests/unit/unit.h tests/unit/heap.h
tests_unit_test_names_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_names_CFLAGS = $(TK_CFLAGS)
tests_unit_test_names_LDFLAGS = $(TK_LDFLAGS) $(unit_heap_wrap)
tests_unit_test_names_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_reply_SOURCES = tests/unit/test_reply.c tests/unit/unit.h tests/unit/heap.h
tests_unit_test_reply_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_reply_CFLAGS = $(TK_CFLAGS)
tests_unit_test_reply_LDFLAGS = $(TK_LDFLAGS) $(unit_heap_wrap)
tests_unit_test_reply_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_near_SOURCES = tests/unit/test_near.c tests/unit/unit.h
tests_unit_test_near_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_near_CFLAGS = $(TK_CFLAGS)
tests_unit_test_near_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_ring_SOURCES = tests/unit/test_ring.c tests/unit/unit.h
tests_unit_test_ring_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_ring_CFLAGS = $(TK_CFLAGS)
tests_unit_test_ring_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_tag_SOURCES = tests/unit/test_tag.c tests/unit/unit.h
tests_unit_test_tag_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_tag_CFLAGS = $(TK_CFLAGS)
tests_unit_test_tag_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_weak_SOURCES = tests/unit/test_weak.c tests/unit/unit.h
tests_unit_test_weak_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_weak_CFLAGS = $(TK_CFLAGS)
tests_unit_test_weak_LDADD = $(CORE_UNIT_LIBS)

tests_unit_test_words_SOURCES = tests/unit/test_words.c tests/unit/unit.h
tests_unit_test_words_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_test_words_CFLAGS = $(TK_CFLAGS)
tests_unit_test_words_LDADD = $(CORE_UNIT_LIBS)

include tests/unit/common.mk
