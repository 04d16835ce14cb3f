/* SPDX-License-Identifier: Apache-2.0 */
/* test_keystore.c - key files on disk: read, refused, never waited for; written whole or not at all. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/keystate.h"
#include "common/keystore.h"
#include "core/b64.h"
#include "core/keyfile.h"

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"
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
	refuse("large", TK_E_RANGE, "'large' : " CANNOT " (larger than 1048576 bytes)");
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

/* ---- writing ---- */

static void write_ring(const char *path, const struct tk_ring *r, const char *more)
{
	char text[4096];

	tk_keyfile_format(r, text);
	strcat(text, more);
	write_text(path, text, strlen(text));
}

static bool holds(const char *path, const struct tk_ring *r)
{
	char want[4096], got[4097];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(got, 1, sizeof(got), f) : 0;

	if (f)
		fclose(f);
	tk_keyfile_format(r, want);
	return f && n == tk_keyfile_len(r) && memcmp(got, want, n) == 0;
}

static void push_random(struct tk_ring *r, uint64_t seed)
{
	struct tk_key key = { .len = TK_KEY_256_LEN };

	for (size_t k = 0; k < TK_KEY_256_LEN; k++)
		key.bytes[k] = (uint8_t)unit_random(&seed);
	CU_ASSERT_EQUAL(tk_ring_push(r, &key), 0);
}

static void writes_in_place(void)
{
	struct tk_file_id before, after;
	struct tk_ring r, other;
	int fd;

	fill(&r, 3);
	write_ring("keys", &r, "");
	fd = tk_keystore_open("keys");
	CU_ASSERT_NOT_EQUAL_FATAL(fd, -1);
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	CU_ASSERT_EQUAL(fcntl(fd, F_GETFL) & O_DSYNC, O_DSYNC);
	CU_ASSERT_EQUAL(tk_file_id(fd, &before), 0);
	push_random(&r, 7);
	CU_ASSERT_EQUAL(tk_keystore_write(fd, &r, 0, &after), 0);
	CU_ASSERT_TRUE(holds("keys", &r));
	CU_ASSERT_EQUAL(before.ino, after.ino);

	/* the time of the newest key, and no other time for what is there already */
	push_random(&r, 8);
	CU_ASSERT_EQUAL(tk_keystore_write(fd, &r, 1234567890, &after), 0);
	CU_ASSERT_EQUAL(after.mtime_s, 1234567890);
	CU_ASSERT_EQUAL(tk_keystore_write(fd, &r, 1234567899, &after), 0);
	CU_ASSERT_EQUAL(after.mtime_s, 1234567890);

	/* but an earlier one, for a file must not come from the future at each start */
	CU_ASSERT_EQUAL(tk_keystore_write(fd, &r, 1234567880, &after), 0);
	CU_ASSERT_EQUAL(after.mtime_s, 1234567880);

	/* not in its form: not touched */
	write_ring("keys", &r, "\n");
	other = r;
	push_random(&other, 9);
	CU_ASSERT_EQUAL(tk_keystore_write(fd, &other, 0, &after), TK_E_SIZE);
	write_ring("same", &r, "\n");
	CU_ASSERT_EQUAL(system("cmp keys same"), 0);
	close(fd);
	unlink("same");
	unlink("keys");
}

static void opens_files_only(void)
{
	CU_ASSERT_EQUAL(mkfifo("fifo", 0600), 0);
	CU_ASSERT_EQUAL(tk_keystore_open("fifo"), -1);
	CU_ASSERT_EQUAL(errno, EINVAL);
	unlink("fifo");
	CU_ASSERT_EQUAL(tk_keystore_open("none"), -1);
	CU_ASSERT_EQUAL(errno, ENOENT);
	CU_ASSERT_EQUAL(tk_keystore_open("."), -1);
}

/* A state of the ring is one whose last key is still there: it was written before. */
static void knows_its_states(void)
{
	struct tk_ring old, r;
	int fd;

	fill(&old, 3);
	write_ring("keys", &old, "");
	fd = tk_keystore_open("keys");
	r = old;
	for (unsigned i = 0; i < 2; i++) {
		CU_ASSERT_TRUE(tk_keystore_is_state(fd, &r));
		push_random(&r, i + 20);
	}
	CU_ASSERT_TRUE(tk_keystore_is_state(fd, &r));
	push_random(&r, 30);
	CU_ASSERT_FALSE(tk_keystore_is_state(fd, &r));
	write_text("keys", "nothing\n", 8);
	CU_ASSERT_FALSE(tk_keystore_is_state(fd, &old));
	close(fd);
	unlink("keys");
}

/* The form is made beside the file, which keeps owner and mode. */
static void rewrites(void)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1234567890 } };
	struct tk_file_id id;
	struct tk_error e;
	struct tk_ring r;
	struct stat st;
	int fd, locked;

	fill(&r, 3);
	write_text("real", "two\nlines\n", 10);
	CU_ASSERT_EQUAL(chmod("real", 0640), 0);
	CU_ASSERT_EQUAL(utimensat(AT_FDCWD, "real", times, 0), 0);
	CU_ASSERT_EQUAL(symlink("real", "link"), 0);
	write_text("real.tkprov-new", "of somebody who was killed", 26);
	fd = tk_keystore_rewrite("link", &r, 1234567890, &id, &e);
	CU_ASSERT_NOT_EQUAL_FATAL(fd, -1);
	locked = tk_keystore_lock("real", 0); /* its maker has it no more */
	CU_ASSERT_NOT_EQUAL(locked, -1);
	tk_keystore_unlock(locked);
	close(fd);
	CU_ASSERT_TRUE(holds("real", &r));
	CU_ASSERT_EQUAL(lstat("link", &st), 0);
	CU_ASSERT_TRUE(S_ISLNK(st.st_mode));
	CU_ASSERT_EQUAL(stat("real", &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
	CU_ASSERT_EQUAL(st.st_mtime, 1234567890);
	CU_ASSERT_EQUAL(id.mtime_s, 1234567890);
	CU_ASSERT_EQUAL(access("real.tkprov-new", F_OK), -1);
	unlink("link");
	unlink("real");

	CU_ASSERT_EQUAL(tk_keystore_rewrite("none", &r, 0, &id, &e), -1);
	CU_ASSERT_NOT_EQUAL(e.text[0], '\0');
	/* A folder in its place, and a link with a name like ours: both stay, and nothing beside them. */
	CU_ASSERT_EQUAL(mkdir("folder", 0700), 0);
	CU_ASSERT_EQUAL(symlink("nowhere", "folder.tkprov-newlink"), 0);
	CU_ASSERT_EQUAL(tk_keystore_rewrite("folder", &r, 0, &id, &e), -1);
	CU_ASSERT_EQUAL(unlink("folder.tkprov-newlink"), 0);
	CU_ASSERT_EQUAL(rmdir("folder"), 0);
	CU_ASSERT_EQUAL(system("test \"$(ls)\" = ''"), 0);
}

/* As acl(5) is kept: `user` and nobody else, also not the group, whose bits of the mode are the mask. */
static bool give_acl(const char *path, const char *name, uint32_t user)
{
	const struct {
		uint32_t version;
		struct {
			uint16_t tag, perm;
			uint32_t id;
		} entry[5];
	} acl = { 2, { { 1, 7, UINT32_MAX }, { 2, 4, user }, { 4, 0, UINT32_MAX },
		       { 16, 4, UINT32_MAX }, { 32, 0, UINT32_MAX } } };

	return setxattr(path, name, &acl, sizeof(acl), 0) == 0;
}

static bool has_acl_of(const char *path, uint32_t user)
{
	char acl[256];
	ssize_t n = getxattr(path, ACCESS, acl, sizeof(acl));

	return n > 0 && memmem(acl, (size_t)n, &user, sizeof(user)) != NULL;
}

static void rewrite(const char *path)
{
	struct tk_file_id id;
	struct tk_error e;
	struct tk_ring r;
	int fd;

	fill(&r, 3);
	fd = tk_keystore_rewrite(path, &r, 0, &id, &e);
	CU_ASSERT_NOT_EQUAL(fd, -1);
	close(fd);
	CU_ASSERT_TRUE(holds(path, &r));
}

/* setfacl had let one user read the file, and not its group: bringing it to its form turned
 * that round, and let in whom a default list of the folder names. */
static void keeps_who_may_read(void)
{
	struct stat st;

	CU_ASSERT_EQUAL(mkdir("acl", 0700), 0);
	write_text("acl/with", "two\nlines\n", 10);
	write_text("acl/without", "two\nlines\n", 10);
	CU_ASSERT_EQUAL(chmod("acl/without", 0640), 0);
	if (!give_acl("acl/with", ACCESS, 7777) || !give_acl("acl", DEFAULT, 8888)) {
		CHECK(errno == EOPNOTSUPP, "%s", strerror(errno));
	} else {
		rewrite("acl/with");
		CU_ASSERT_TRUE(has_acl_of("acl/with", 7777));
		CU_ASSERT_FALSE(has_acl_of("acl/with", 8888));
		rewrite("acl/without");
		CU_ASSERT_FALSE(has_acl_of("acl/without", 8888));
		CU_ASSERT_EQUAL(stat("acl/without", &st), 0);
		CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
	}
	unlink("acl/with");
	unlink("acl/without");
	CU_ASSERT_EQUAL(rmdir("acl"), 0);
}

/* What somebody who was killed has left has keys in it; what somebody works at is his. */
static void leaves_nothing_behind(void)
{
	struct tk_file_id id;
	struct tk_error e;
	struct tk_ring r;
	int live, fd;

	fill(&r, 3);
	write_text("keys", "two\nlines\n", 10);
	write_text("keys.tkprov-new", "1", 1);
	write_text("keys.tkprov-newAbCdEf", "2", 1);
	write_text("keys.tkprov-newLiving", "3", 1);
	write_text("keys.old", "4", 1);
	write_text("more-keys.tkprov-new", "5", 1);
	live = open("keys.tkprov-newLiving", O_RDWR);
	CU_ASSERT_EQUAL(flock(live, LOCK_EX), 0);
	fd = tk_keystore_rewrite("keys", &r, 0, &id, &e);
	CU_ASSERT_NOT_EQUAL(fd, -1);
	close(fd);
	CU_ASSERT_EQUAL(system("test \"$(echo *)\" = "
			       "'keys keys.old keys.tkprov-newLiving more-keys.tkprov-new'"), 0);
	CU_ASSERT_TRUE(holds("keys", &r));
	close(live);
	unlink("keys");
	CU_ASSERT_EQUAL(tk_keystore_create("keys", &r, &e), 0);
	CU_ASSERT_EQUAL(system("test \"$(echo *)\" = 'keys keys.old more-keys.tkprov-new'"), 0);
	CU_ASSERT_EQUAL(system("rm keys keys.old more-keys.tkprov-new"), 0);
}

#define WRITERS 4
#define WRITES 50

static int rewrite_without_pause(unsigned who)
{
	struct tk_file_id id;
	struct tk_ring r;
	int bad = 0;

	fill(&r, 3);
	push_random(&r, who);
	for (unsigned i = 0; i < WRITES; i++) {
		int fd = tk_keystore_rewrite("keys", &r, 0, &id, NULL);

		bad += fd == -1;
		if (fd != -1)
			close(fd);
	}
	return bad;
}

/* Two servers with one key file bring it to its form at the same time, even without a lock:
 * each succeeds, and whoever looks finds a whole file. */
static void rewriters_do_not_meet(void)
{
	unsigned left = WRITERS;
	struct tk_ring r;
	struct tk_error e;
	int status;

	fill(&r, 3);
	write_ring("keys", &r, "");
	for (unsigned i = 0; i < WRITERS; i++)
		if (fork() == 0)
			_exit(rewrite_without_pause(i + 1) != 0);
	while (left > 0) {
		CHECK(tk_keystore_load("keys", 3, &r, NULL, &e) == 0, "%s", e.text);
		if (waitpid(-1, &status, WNOHANG) <= 0)
			continue;
		CU_ASSERT_EQUAL(status, 0);
		left--;
	}
	CU_ASSERT_EQUAL(system("test \"$(echo *)\" = keys"), 0);
	unlink("keys");
}

/* What somebody else does between open and flock. */
static void (*meanwhile)(void);

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
	void (*act)(void) = meanwhile;

	meanwhile = NULL;
	if (act)
		act();
	return __real_flock(fd, operation);
}

static void put_another_there(void)
{
	CU_ASSERT_EQUAL(rename("another", "keys"), 0);
}

static struct {
	int fd;
	char text[4096];
	size_t len, half;
} writer;

static void write_the_rest(void)
{
	CU_ASSERT_EQUAL(pwrite(writer.fd, writer.text + writer.half, writer.len - writer.half,
			       (off_t)writer.half), (ssize_t)(writer.len - writer.half));
	tk_keystore_unlock(writer.fd);
}

/* A reader may see a part of what one system call writes; not if he waits for the lock. */
static void reads_no_half(void)
{
	struct tk_ring r, got;
	struct tk_error e;

	fill(&r, 3);
	write_ring("keys", &r, "");
	push_random(&r, 5);
	tk_keyfile_format(&r, writer.text);
	writer.len = tk_keyfile_len(&r);
	writer.half = writer.len / 2;
	writer.fd = tk_keystore_lock("keys", 0);
	CU_ASSERT_EQUAL(pwrite(writer.fd, writer.text, writer.half, 0), (ssize_t)writer.half);
	meanwhile = write_the_rest;
	CU_ASSERT_EQUAL(tk_keystore_load("keys", 3, &got, NULL, &e), 0);
	meanwhile = NULL;
	for (unsigned i = 0; i < 3; i++)
		CU_ASSERT_TRUE(tk_key_equal(&r.key[i], &got.key[i]));
	/* one that is never given back keeps nobody from his keys */
	writer.fd = tk_keystore_lock("keys", 0);
	CU_ASSERT_EQUAL(tk_keystore_load("keys", 3, &got, NULL, &e), 0);
	tk_keystore_unlock(writer.fd);
	unlink("keys");
}

static void locks(void)
{
	struct stat a, b;
	struct tk_ring r;
	int fd, other;

	fill(&r, 3);
	write_ring("keys", &r, "");
	fd = tk_keystore_lock("keys", 0);
	CU_ASSERT_NOT_EQUAL_FATAL(fd, -1);
	CU_ASSERT_EQUAL(tk_keystore_lock("keys", 20), -1);
	CU_ASSERT_EQUAL(errno, EBUSY);
	/* another file of that name is another lock */
	write_ring("another", &r, "");
	put_another_there();
	other = tk_keystore_lock("keys", 0);
	CU_ASSERT_NOT_EQUAL(other, -1);
	tk_keystore_unlock(other);
	tk_keystore_unlock(fd);
	/* and what has lost the name by then is not the one that was asked for */
	write_ring("another", &r, "");
	meanwhile = put_another_there;
	fd = tk_keystore_lock("keys", 1000);
	CU_ASSERT_EQUAL(fstat(fd, &a), 0);
	CU_ASSERT_EQUAL(stat("keys", &b), 0);
	CU_ASSERT_EQUAL(a.st_ino, b.st_ino);
	tk_keystore_unlock(fd);
	unlink("keys");
	CU_ASSERT_EQUAL(tk_keystore_lock("keys", 0), -1);
	CU_ASSERT_EQUAL(errno, ENOENT);
}

static void creates(void)
{
	mode_t was = umask(0);
	struct tk_error e;
	struct tk_ring r;
	struct stat st;

	fill(&r, 3);
	CU_ASSERT_EQUAL(tk_keystore_create("new", &r, &e), 0);
	CU_ASSERT_TRUE(holds("new", &r));
	CU_ASSERT_EQUAL(stat("new", &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 07777, 0600);
	push_random(&r, 9);
	CU_ASSERT_EQUAL(tk_keystore_create("new", &r, &e), TK_E_INUSE);
	CU_ASSERT_FALSE(holds("new", &r));
	unlink("new");
	CU_ASSERT_EQUAL(symlink("nowhere", "new"), 0);
	CU_ASSERT_EQUAL(tk_keystore_create("new", &r, &e), TK_E_INUSE);
	CU_ASSERT_EQUAL(access("nowhere", F_OK), -1);
	unlink("new");
	CU_ASSERT_EQUAL(tk_keystore_create("none/new", &r, &e), TK_E_SYS);
	umask(was);
}

/* The kernel takes only a part: an error, and nothing is half-made. */
static void no_room(void)
{
	struct rlimit was, less;
	struct tk_file_id id;
	struct tk_error e;
	struct tk_ring r;

	fill(&r, 3);
	signal(SIGXFSZ, SIG_IGN);
	write_text("keys", "as it was\n", 10);
	CU_ASSERT_EQUAL(getrlimit(RLIMIT_FSIZE, &was), 0);
	less = was;
	less.rlim_cur = 100;
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &less), 0);
	CU_ASSERT_EQUAL(tk_keystore_create("new", &r, &e), TK_E_SYS);
	CU_ASSERT_EQUAL(tk_keystore_rewrite("keys", &r, 0, &id, &e), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.text, strerror(EFBIG)));
	CU_ASSERT_EQUAL(setrlimit(RLIMIT_FSIZE, &was), 0);
	CU_ASSERT_EQUAL(system("test \"$(echo *)\" = keys"), 0);
	CU_ASSERT_EQUAL(system("test \"$(cat keys)\" = 'as it was'"), 0);
	unlink("keys");
}

/* A descriptor that is gone, or was opened for something else: an error, and nothing else. */
static void wrong_descriptors(void)
{
	struct tk_file_id id = { .size = 99 };
	struct tk_file text;
	struct tk_error e;
	struct tk_ring r;
	int fd;

	fill(&r, 3);
	CU_ASSERT_EQUAL(tk_file_id(-1, &id), TK_E_SYS);
	CU_ASSERT_EQUAL(tk_keystore_write(-1, &r, 0, &id), TK_E_SYS);
	CU_ASSERT_EQUAL(tk_file_read_fd(&text, -1, &e), TK_E_SYS);
	CU_ASSERT_STRING_EQUAL(e.text, "Bad file descriptor");
	CU_ASSERT_PTR_NULL(text.text);

	CU_ASSERT_EQUAL(tk_keystore_create("keys", &r, &e), 0);
	fd = open("keys", O_WRONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(tk_file_read_fd(&text, fd, &e), TK_E_SYS);
	CU_ASSERT_STRING_EQUAL(e.text, "Bad file descriptor");
	CU_ASSERT_PTR_NULL(text.text);
	close(fd);
	r.key[2].bytes[0] ^= 1; /* else it holds the ring already */
	fd = open("keys", O_RDONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(tk_keystore_write(fd, &r, 0, &id), TK_E_SYS);
	CU_ASSERT_EQUAL(id.size, 99);
	close(fd);
	unlink("keys");
}

static void foreign_is(const struct tk_ring *r, const char *text, size_t len, int code,
		       const char *reason)
{
	struct tk_error e;
	int fd;

	write_text("keys", text, len);
	fd = open("keys", O_RDONLY | O_CLOEXEC);
	CHECK(tk_keystore_foreign(fd, r, "heal it", &e) == code, "%d: %s", code, e.text);
	CHECK(strcmp(e.text, reason) == 0, "%s", e.text);
	CU_ASSERT_PTR_NULL(strstr(e.text, ": ")); /* it would be cut off with the file's name */
	close(fd);
}

/* What is no key file any more, and what are keys of somebody else. */
static void foreign(void)
{
	static const uint8_t zeros[TK_KEY_128_LEN];
	char text[4096];
	struct tk_error e;
	struct tk_ring r;

	fill(&r, 3);
	tk_keyfile_format(&r, text);
	foreign_is(&r, text, tk_keyfile_len(&r), TK_E_INUSE, TK_KEYSTORE_CHANGED);
	foreign_is(&r, text, tk_keyfile_len(&r) / 3 * 2, TK_E_PARSE,
		   "no key file any more (please supply at least 3 keys in the tls-tickets-file); heal it");
	r.key[1].bytes[0] ^= 1;
	foreign_is(&r, text, tk_keyfile_len(&r) / 3 * 2, TK_E_WEAK,
		   "changed by somebody else, to what cannot be taken in (please supply at least 3 keys in "
		   "the tls-tickets-file)");
	text[5] = '#';
	foreign_is(&r, text, tk_keyfile_len(&r), TK_E_PARSE,
		   "no key file any more (unable to decode base64 key on line 1); heal it");
	foreign_is(&r, text, 0, TK_E_PARSE,
		   "no key file any more (please supply at least 3 keys in the tls-tickets-file); heal it");
	tk_b64_encode(zeros, sizeof(zeros), text);
	foreign_is(&r, text, strlen(text), TK_E_WEAK,
		   "changed by somebody else, to what cannot be taken in (weak key on line 1, its name is all "
		   "zeros)");
	CU_ASSERT_EQUAL(tk_keystore_foreign(-1, &r, "heal it", &e), TK_E_SYS);
	CU_ASSERT_STRING_EQUAL(e.text, CANNOT " (Bad file descriptor)");
	unlink("keys");
}

/* Emptied, of the right size, and no key file until it is written. */
static void clears(void)
{
	static const size_t sizes[] = { 0, 5, 1000 };
	char text[1000], left[1000];
	struct tk_file_id id;
	struct tk_ring r;

	fill(&r, 3);
	memset(text, 'A', sizeof(text));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t len = tk_keyfile_len(&r);
		int fd;

		write_text("keys", text, sizes[i]);
		fd = open("keys", O_RDWR | O_CLOEXEC);
		CU_ASSERT_EQUAL(tk_keystore_write(fd, &r, 0, &id), TK_E_SIZE);
		CU_ASSERT_EQUAL(tk_keystore_clear(fd, &r), 0);
		CU_ASSERT_EQUAL(pread(fd, left, sizeof(left), 0), (ssize_t)len);
		CU_ASSERT_TRUE(left[0] == '\0' && memcmp(left, left + 1, len - 1) == 0);
		CU_ASSERT_EQUAL(tk_keystore_write(fd, &r, 0, &id), 0);
		CU_ASSERT_TRUE(holds("keys", &r));
		close(fd);
	}
	CU_ASSERT_EQUAL(tk_keystore_clear(-1, &r), TK_E_SYS);
	unlink("keys");
}

static const struct unit_test tests[] = {
	{ "what others have left", foreign },
	{ "clears", clears },
	{ "reads", reads },
	{ "unreadable", unreadable },
	{ "unusable", unusable },
	{ "no leak", no_leak },
	{ "writes in place", writes_in_place },
	{ "opens files only", opens_files_only },
	{ "knows its states", knows_its_states },
	{ "rewrites", rewrites },
	{ "keeps who may read", keeps_who_may_read },
	{ "leaves nothing behind", leaves_nothing_behind },
	{ "rewriters do not meet", rewriters_do_not_meet },
	{ "reads no half", reads_no_half },
	{ "locks", locks },
	{ "creates", creates },
	{ "no room", no_room },
	{ "wrong descriptors", wrong_descriptors },
};

int main(void)
{
	return unit_main_in_folder("keystore", tests, COUNT(tests), NULL);
}
