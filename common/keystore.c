/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore.c - key files: the way between the disk and core/keyfile.  Knows nothing of the
 * format and keeps no key: texts are wiped before it returns.
 *
 * O_DSYNC instead of fsync(2), which some seccomp filters do not know.
 */
#include "common/keystore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "core/b64.h"
#include "core/keyfile.h"

#define TEXT_MAX (TK_SLOTS_MAX * (TK_B64_ENC_LEN(TK_KEY_LEN_MAX) + 1))
#define SAVE_FLAGS (O_DSYNC | O_CLOEXEC | O_NOCTTY)
#define NEW ".tkprov-new"
#define NEW_TRIES 10
#define MOUNTED \
	"it is mounted by itself, so no new file takes its place; it needs just the ring's lines, or " \
	"its folder mounted"
#define NOT_ITS_FORM "it has not just the ring's lines, and "
#define OWNER                                                                                      \
	NOT_ITS_FORM "a new file cannot be given its owner and group (that takes CAP_CHOWN); it "    \
		     "needs just the ring's lines, or to belong to who writes it"
#define ACL "system.posix_acl_access"
#define ACL_MAX 2048 /* bytes; some 250 users and groups */
#define LOCK_STEP_MS 5
#define READ_WAIT_MS 100 /* a write takes less; whoever keeps a lock stalls nobody */

_Static_assert(TEXT_MAX < 4096, "a file in its form is less than a page");

/* ---- turns ---- */

static void rest(void)
{
	const struct timespec step = {.tv_nsec = LOCK_STEP_MS * 1000000L};

	nanosleep(&step, NULL);
}

/* A child that was forked meanwhile has the lock, too, unless it is given back. */
void tk_keystore_unlock(int fd)
{
	(void)flock(fd, LOCK_UN);
	close(fd);
}

/* ---- reading ---- */

static int parse(struct tk_file *text, const char *file, unsigned slots, struct tk_ring *out,
		 struct tk_file_id *id, struct tk_error *e)
{
	int rc = tk_keyfile_parse(text->text, text->len, slots, file, out, e);

	if (!rc && id)
		*id = text->id;
	tk_file_fini(text);
	return rc;
}

static int unreadable(struct tk_ring *out, int rc, const char *file, const struct tk_error *why,
		      struct tk_error *e)
{
	tk_ring_wipe(out);
	return tk_err_set(e, rc == TK_E_NOMEM || rc == TK_E_RANGE ? rc : TK_E_SYS,
			  "'%s' : unable to load ssl tickets keys file (%s)", file, why->text);
}

int tk_keystore_load_fd(int fd, const char *file, unsigned slots, struct tk_ring *out,
			struct tk_file_id *id, struct tk_error *e)
{
	struct tk_error why;
	struct tk_file text;
	int rc = tk_file_read_fd(&text, fd, &why);

	return rc ? unreadable(out, rc, file, &why, e) : parse(&text, file, slots, out, id, e);
}

/* Opens a file and waits until nobody writes it; for a moment, for a lock keeps no server from its
 * keys. */
static int open_at_rest(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	for (int waited = 0; fd != -1 && waited < READ_WAIT_MS; waited += LOCK_STEP_MS) {
		if (flock(fd, LOCK_SH | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR))
			break;
		rest();
	}
	return fd;
}

int tk_keystore_load(const char *file, unsigned slots, struct tk_ring *out,
		     struct tk_file_id *id, struct tk_error *e)
{
	int fd = open_at_rest(file), rc;
	struct tk_error why;

	if (fd == -1) {
		tk_err_set(&why, TK_E_SYS, "%s", strerror(errno));
		return unreadable(out, TK_E_SYS, file, &why, e);
	}
	rc = tk_keystore_load_fd(fd, file, slots, out, id, e);
	tk_keystore_unlock(fd);
	return rc;
}

/* ---- writing ---- */

/* Only what is a regular file is opened at all, for some devices act on it: what the name stands
 * for is held, looked at, and opened as it is held; by its name again where there is no /proc. */
int tk_keystore_open(const char *file)
{
	int at = open(file, O_PATH | O_CLOEXEC), fd = -1;
	const int flags = O_RDWR | O_NONBLOCK | SAVE_FLAGS;
	char name[32];
	struct stat st;

	if (at == -1)
		return -1;
	errno = EINVAL;
	if (fstat(at, &st) == 0 && S_ISREG(st.st_mode)) {
		snprintf(name, sizeof(name), "/proc/thread-self/fd/%d", at);
		fd = open(name, flags);
		if (fd == -1 && errno == ENOENT)
			fd = open(file, flags);
	}
	close(at);
	return fd;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool is_at(int fd, const char *file)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(file, &b) == 0 && is_same(&a, &b);
}

/* A filesystem without such locks is no reason not to save. */
static bool is_others(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB) == -1 && (errno == EWOULDBLOCK || errno == EINTR);
}

int tk_keystore_lock(const char *file, int wait_ms)
{
	for (int waited = 0;; waited += LOCK_STEP_MS) {
		int fd = tk_keystore_open(file);

		if (fd == -1 || (!is_others(fd) && is_at(fd, file)))
			return fd;
		close(fd);
		if (waited >= wait_ms)
			break;
		rest();
	}
	errno = EBUSY;
	return -1;
}

/* One system call, so that no kill leaves a part of it; a second one only where the kernel has
 * taken less, which tells the reason.  Who reads meanwhile may see a part, unless he locks. */
static int write_text(int fd, const struct tk_ring *ring)
{
	char text[TEXT_MAX + 1];
	size_t len = tk_keyfile_len(ring), at = 0;
	ssize_t n = 0;

	tk_keyfile_format(ring, text);
	while (at < len && n != -1) {
		n = pwrite(fd, text + at, len - at, (off_t)at);
		if (n > 0)
			at += (size_t)n;
		else if (n == -1 && errno == EINTR)
			n = 0;
	}
	explicit_bzero(text, sizeof(text));
	return at == len ? 0 : TK_E_SYS;
}

bool tk_keystore_holds(int fd, const struct tk_ring *ring)
{
	char want[TEXT_MAX + 1], text[TEXT_MAX + 1];
	size_t len = tk_keyfile_len(ring);
	bool same;

	tk_keyfile_format(ring, want);
	same = pread(fd, text, sizeof(text), 0) == (ssize_t)len && memcmp(text, want, len) == 0;
	explicit_bzero(want, sizeof(want));
	explicit_bzero(text, sizeof(text));
	return same;
}

/* Whoever may write is not always one who may set the time: only to now. */
static void set_time(int fd, int64_t since, int64_t was)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)since}};

	if (since && futimens(fd, times) == -1 && was > time(NULL))
		(void)futimens(fd, NULL);
}

int tk_keystore_write(int fd, const struct tk_ring *ring, int64_t since, struct tk_file_id *id)
{
	struct stat st;
	bool there;

	if (fstat(fd, &st) == -1)
		return TK_E_SYS;
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size != tk_keyfile_len(ring))
		return TK_E_SIZE;
	there = tk_keystore_holds(fd, ring);
	if (!there && write_text(fd, ring))
		return TK_E_SYS;
	if (!there || st.st_mtim.tv_sec > since)
		set_time(fd, since, there ? st.st_mtim.tv_sec : 0);
	return tk_file_id(fd, id);
}

int tk_keystore_clear(int fd, const struct tk_ring *ring)
{
	off_t len = (off_t)tk_keyfile_len(ring);
	struct stat st;

	if (fstat(fd, &st) == -1)
		return TK_E_SYS;
	if (st.st_size != len && (ftruncate(fd, 0) == -1 || ftruncate(fd, len) == -1))
		return TK_E_SYS;
	return 0;
}

/* The access list of the old file, or none: a folder may have given the new one its own. */
static int copy_acl(int fd, const char *path)
{
	char acl[ACL_MAX];
	ssize_t n = getxattr(path, ACL, acl, sizeof(acl));

	if (n > 0)
		return fsetxattr(fd, ACL, acl, (size_t)n, 0);
	if (n == -1 && errno == ENODATA && (fremovexattr(fd, ACL) == 0 || errno == ENODATA))
		return 0;
	return errno == EOPNOTSUPP ? 0 : -1;
}

/* Gives the new file what the old one had.  Who may read it must not change.  The mode comes last:
 * till then lists that are not the old one's give nobody anything. */
static int dress(int fd, const char *path, const struct stat *old)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	if ((st.st_uid != old->st_uid || st.st_gid != old->st_gid) &&
	    fchown(fd, old->st_uid, old->st_gid) == -1)
		return -1;
	if (copy_acl(fd, path) == -1)
		return -1;
	return fchmod(fd, old->st_mode & 07777);
}

/* ---- new files beside the old one ---- */

/* Its maker has it locked for as long as it has that name, so one that is not is of somebody who
 * was killed, whatever machine or container he ran in. */
static void remove_dead(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct stat a, b;

	if (fd == -1)
		return;
	if (fstat(fd, &a) == 0 && S_ISREG(a.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0 &&
	    fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 && is_same(&a, &b))
		(void)unlinkat(dir, name, 0);
	tk_keystore_unlock(fd);
}

/* They have keys in them. */
static void remove_all_dead(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t len = strlen(base);
	char *folder = slash ? strndup(path, (size_t)(base - path)) : strdup(".");
	DIR *dir = folder ? opendir(folder) : NULL;

	for (struct dirent *d; dir && (d = readdir(dir)) != NULL;)
		if (strncmp(d->d_name, base, len) == 0 &&
		    strncmp(d->d_name + len, NEW, strlen(NEW)) == 0)
			remove_dead(dirfd(dir), d->d_name);
	if (dir)
		closedir(dir);
	free(folder);
}

/* One that lost its name between open and lock was taken for somebody's who was killed. */
static bool is_mine(int fd)
{
	struct stat st;

	return !is_others(fd) && fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* Makes FILE.tkprov-newXXXXXX, a name that nobody else has, and locks it.  *name is the
 * caller's to free.  -1: errno says why. */
static int open_new(const char *path, char **name)
{
	*name = NULL;
	for (unsigned i = 0; i < NEW_TRIES; i++) {
		int fd;

		if (asprintf(name, "%s" NEW "XXXXXX", path) == -1) {
			*name = NULL;
			errno = ENOMEM;
			return -1;
		}
		fd = mkostemp(*name, SAVE_FLAGS);
		if (fd == -1 || is_mine(fd))
			return fd;
		close(fd);
		free(*name);
		*name = NULL;
	}
	errno = EAGAIN;
	return -1;
}

static int failed(struct tk_error *e)
{
	return tk_err_set(e, TK_E_SYS, "%s", strerror(errno));
}

/* What is refused is a new file, not the old one, which may well be one that can be written. */
static int refused(const char *path, struct tk_error *e)
{
	const char *slash = strrchr(path, '/');
	int len = slash == path ? 1 : (int)(slash - path);

	if (errno == EBUSY) /* rename(2), where a container has just this file mounted */
		return tk_err_set(e, TK_E_SYS, MOUNTED);
	if (errno != EACCES && errno != EPERM && errno != EROFS)
		return failed(e);
	if (strstr(path, ": ")) /* which ends the name in `not saved: FILE: REASON` */
		return tk_err_set(e, TK_E_SYS, NOT_ITS_FORM "its folder takes no new file (%s)",
				  strerror(errno));
	return tk_err_set(e, TK_E_SYS, NOT_ITS_FORM "'%.*s' takes no new file (%s)", len, path,
			  strerror(errno));
}

/* The identity is noted last: a change of name or mode is one of the file, too. */
static int fill_new(int fd, const char *name, const char *path, const struct stat *old,
		    const struct tk_ring *ring, int64_t since, struct tk_file_id *id,
		    struct tk_error *e)
{
	if (write_text(fd, ring))
		return failed(e);
	if (dress(fd, path, old) == -1)
		return errno == EPERM ? tk_err_set(e, TK_E_SYS, OWNER) : failed(e);
	set_time(fd, since, 0);
	if (rename(name, path) == -1)
		return refused(path, e);
	return tk_file_id(fd, id) ? failed(e) : 0;
}

static int make_new(const char *path, const struct tk_ring *ring, int64_t since,
		    struct tk_file_id *id, struct tk_error *e)
{
	struct stat old;
	char *name;
	int fd;

	if (stat(path, &old) == -1) {
		failed(e);
		return -1;
	}
	remove_all_dead(path);
	fd = open_new(path, &name);
	if (fd == -1) {
		refused(path, e);
	} else if (fill_new(fd, name, path, &old, ring, since, id, e) == 0) {
		(void)flock(fd, LOCK_UN);
	} else {
		(void)unlink(name);
		close(fd);
		fd = -1;
	}
	free(name);
	return fd;
}

int tk_keystore_rewrite(const char *file, const struct tk_ring *ring, int64_t since,
			struct tk_file_id *id, struct tk_error *e)
{
	char *path = realpath(file, NULL);
	int fd = -1;

	if (path)
		fd = make_new(path, ring, since, id, e);
	else
		failed(e);
	free(path);
	return fd;
}

/* Gives a new file its last name, over nothing.  link(2), for a kernel or filesystem that cannot
 * rename so, gives it a second one, which is left behind if we are killed before the first one is
 * gone. */
static int name_new(const char *name, const char *file)
{
	if (renameat2(AT_FDCWD, name, AT_FDCWD, file, RENAME_NOREPLACE) == 0)
		return 0;
	if ((errno != EINVAL && errno != ENOSYS) || link(name, file) == -1)
		return -1;
	(void)unlink(name);
	return 0;
}

/* Under its name it is whole from the first moment on. */
static int create(const char *file, const struct tk_ring *ring)
{
	char *name;
	int fd, rc = -1, saved;

	remove_all_dead(file);
	fd = open_new(file, &name);
	if (fd == -1) {
		free(name);
		return -1;
	}
	if (fchmod(fd, 0600) == 0 && write_text(fd, ring) == 0)
		rc = name_new(name, file);
	saved = errno;
	if (rc == -1)
		(void)unlink(name);
	tk_keystore_unlock(fd);
	free(name);
	errno = saved;
	return rc;
}

int tk_keystore_create(const char *file, const struct tk_ring *ring, struct tk_error *e)
{
	struct stat there;
	int rc;

	if (lstat(file, &there) == 0)
		return tk_err_set(e, TK_E_INUSE, "there is a file already");
	rc = create(file, ring);
	if (rc == -1 && errno == EEXIST)
		return tk_err_set(e, TK_E_INUSE, "there is a file already");
	return rc == -1 ? tk_err_set(e, TK_E_SYS, "%s", strerror(errno)) : 0;
}
