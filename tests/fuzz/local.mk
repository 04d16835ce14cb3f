# SPDX-License-Identifier: Apache-2.0
# tests/fuzz/: each target twice.  replay_TARGET runs the corpus in `make check`; fuzz_TARGET is
# for tests/fuzz/run.sh, which configures with clang and gives FUZZ_LDFLAGS.

fuzz_replays = \
	tests/fuzz/replay_answer \
	tests/fuzz/replay_conf \
	tests/fuzz/replay_keyfile \
	tests/fuzz/replay_session \
	tests/fuzz/replay_words
check_PROGRAMS += $(fuzz_replays)
TESTS += $(fuzz_replays)

fuzz_targets = \
	tests/fuzz/fuzz_answer \
	tests/fuzz/fuzz_conf \
	tests/fuzz/fuzz_keyfile \
	tests/fuzz/fuzz_session \
	tests/fuzz/fuzz_words
EXTRA_PROGRAMS += $(fuzz_targets)
CLEANFILES += $(fuzz_targets)
EXTRA_DIST += tests/fuzz/README.md tests/fuzz/run.sh tests/fuzz/lsan.supp tests/fuzz/corpus

fuzz_replay = tests/fuzz/replay.c tests/fuzz/fuzz.h

tests_fuzz_replay_answer_SOURCES = tests/fuzz/fuzz_answer.c ctl/answer.c $(fuzz_replay)
tests_fuzz_replay_answer_LDADD = libtkcore.la
tests_fuzz_replay_conf_SOURCES = tests/fuzz/fuzz_conf.c $(fuzz_replay)
tests_fuzz_replay_conf_LDADD = libtkcommon.la
tests_fuzz_replay_keyfile_SOURCES = tests/fuzz/fuzz_keyfile.c $(fuzz_replay)
tests_fuzz_replay_keyfile_LDADD = libtkcore.la
tests_fuzz_replay_session_SOURCES = tests/fuzz/fuzz_session.c $(fuzz_replay)
tests_fuzz_replay_session_LDADD = $(BENCH_LIBS)
tests_fuzz_replay_words_SOURCES = tests/fuzz/fuzz_words.c $(fuzz_replay)
tests_fuzz_replay_words_LDADD = libtkcore.la

tests_fuzz_fuzz_answer_SOURCES = tests/fuzz/fuzz_answer.c tests/fuzz/fuzz.h ctl/answer.c
tests_fuzz_fuzz_answer_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_answer_LDADD = libtkcore.la
tests_fuzz_fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_conf_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_conf_LDADD = libtkcommon.la
tests_fuzz_fuzz_keyfile_SOURCES = tests/fuzz/fuzz_keyfile.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_keyfile_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_keyfile_LDADD = libtkcore.la
tests_fuzz_fuzz_session_SOURCES = tests/fuzz/fuzz_session.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_session_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_session_LDADD = $(BENCH_LIBS)
tests_fuzz_fuzz_words_SOURCES = tests/fuzz/fuzz_words.c tests/fuzz/fuzz.h
tests_fuzz_fuzz_words_LDFLAGS = $(FUZZ_LDFLAGS)
tests_fuzz_fuzz_words_LDADD = libtkcore.la
