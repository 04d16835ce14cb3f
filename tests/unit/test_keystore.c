/* SPDX-License-Identifier: Apache-2.0 */
/* test_keystore.c - key files on disk: read, refused, never waited for. */
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/keystore.h"
#include "core/b64.h"
#include "core/keyfile.h"

#define CANNOT "unable to load ssl tickets keys file"

static void fill(struct tk_ring *r, unsigned slots)
{
	uint64_t seed = 42;

	memset(r, 0, sizeof(*r));
	r->slots = slots;
	r->key_len = TK_KEY_256_LEN;
	for (unsigned i = 0; i < slots; i++) {
		r->key[i].len = TK_KEY_256_LEN;
		for (size_t k = 0; k < TK_KEY_256_LEN; k++)
			r->key[i].bytes[k] = (uint8_t)unit_random(&seed);
	}
}

static void write_text(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(text, 1, len, f), len);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

static bool is_wiped(const struct tk_ring *r)
{
	static const struct tk_ring zero;

	return memcmp(r, &zero, sizeof(zero)) == 0;
}

static void reads(void)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1234567890 } };
	struct tk_ring want, got;
	struct tk_error e;
	char text[4096];
	struct tk_file_id id = {0};

	fill(&want, 4);
	tk_keyfile_format(&want, text);
	write_text("keys", text, tk_keyfile_len(&want));
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, "keys", times, 0), 0);
	CU_ASSERT_EQUAL(tk_keystore_load("keys", 4, &got, &id, &e), 0);
	CU_ASSERT_EQUAL(id.mtime_s, 1234567890);
	CU_ASSERT_EQUAL(got.slots, 4);
	for (unsigned i = 0; i < 4; i++)
		CHECK(tk_key_equal(&want.key[i], &got.key[i]), "slot %u", i);

	/* through a link, without a time, the last three */
	CU_ASSERT_EQUAL(symlink("keys", "link"), 0);
	CU_ASSERT_EQUAL(tk_keystore_load("link", 3, &got, NULL, &e), 0);
	CU_ASSERT_TRUE(tk_key_equal(&want.key[1], &got.key[0]));
	unlink("link");
	unlink("keys");
}

/* Nothing is read, the ring is wiped, the message says which file and why. */
static void refuse(const char *file, int code, const char *message)
{
	struct tk_error e = {0};
	struct tk_ring r;
	struct tk_file_id id = {.mtime_s = 99};

	fill(&r, 3);
	CHECK(tk_keystore_load(file, 3, &r, &id, &e) == code, "%s: %s", file, e.text);
	CHECK(strcmp(e.text, message) == 0, "%s: %s", file, e.text);
	CHECK(is_wiped(&r), "%s", file);
	CHECK(id.mtime_s == 99, "%s", file);
	CHECK(tk_keystore_load(file, 3, &r, NULL, NULL) == code, "%s", file);
}

/* As root no mode keeps anybody out; these do. */
static void unreadable(void)
{
	static char large[1024 * 1024 + 1], name[300];

	refuse("none", TK_E_SYS, "'none' : " CANNOT " (No such file or directory)");
	refuse(".", TK_E_SYS, "'.' : " CANNOT " (not a regular file)");
	refuse("/dev/null", TK_E_SYS, "'/dev/null' : " CANNOT " (not a regular file)");

	CU_ASSERT_EQUAL(mkfifo("fifo", 0600), 0); /* without O_NONBLOCK it would hang here */
	refuse("fifo", TK_E_SYS, "'fifo' : " CANNOT " (not a regular file)");
	unlink("fifo");

	CU_ASSERT_EQUAL(symlink("nowhere", "dangling"), 0);
	refuse("dangling", TK_E_SYS, "'dangling' : " CANNOT " (No such file or directory)");
	unlink("dangling");

	CU_ASSERT_EQUAL(symlink("loop", "loop"), 0);
	refuse("loop", TK_E_SYS, "'loop' : " CANNOT " (Too many levels of symbolic links)");
	unlink("loop");

	memset(large, 'A', sizeof(large));
	write_text("large", large, sizeof(large));
	refuse("large", TK_E_SYS, "'large' : " CANNOT " (larger than 1048576 bytes)");
	unlink("large");

	memset(name, 'n', sizeof(name) - 1);
	CU_ASSERT_EQUAL(tk_keystore_load(name, 3, &(struct tk_ring){0}, NULL, NULL), TK_E_SYS);
}

/* The parser's errors come through as they are. */
static void unusable(void)
{
	static const char words[] = "not base64\n";
	char line[TK_B64_ENC_LEN(48) + 2];
	uint8_t key[48] = { 1 };

	write_text("keys", "", 0);
	refuse("keys", TK_E_RANGE,
	       "'keys' : please supply at least 3 keys in the tls-tickets-file");
	write_text("keys", words, strlen(words));
	refuse("keys", TK_E_PARSE, "'keys' : unable to decode base64 key on line 1");
	tk_b64_encode(key, 47, line);
	write_text("keys", line, strlen(line));
	refuse("keys", TK_E_SIZE, "'keys' : wrong sized key on line 1");
	unlink("keys");
}

/* A server that loads a bad file at each reload must not run out of descriptors. */
static void no_leak(void)
{
	struct rlimit was, few;
	int fd = dup(STDIN_FILENO);

	CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &was), 0);
	few = was;
	few.rlim_cur = (rlim_t)fd + 1;
	close(fd);
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (int i = 0; i < 4; i++) {
		refuse(".", TK_E_SYS, "'.' : " CANNOT " (not a regular file)");
		refuse("/etc/passwd", TK_E_PARSE,
		       "'/etc/passwd' : unable to decode base64 key on line 1");
	}
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &was), 0);
}

static const struct unit_test tests[] = {
	{ "reads", reads },
	{ "unreadable", unreadable },
	{ "unusable", unusable },
	{ "no leak", no_leak },
};

int main(void)
{
	char dir[] = "/tmp/tkprov-keys-XXXXXX";
	int bad;

	if (!mkdtemp(dir) || chdir(dir) == -1)
		return 1;
	bad = unit_main("keystore", tests, COUNT(tests));
	return rmdir(dir) == -1 || bad;
}
