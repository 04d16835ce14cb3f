/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore.c - key files: the way between the disk and core/keyfile.  Knows nothing of the
 * format and keeps no key: texts are wiped before it returns.
 *
 * O_DSYNC instead of fsync(2), which some seccomp filters do not know.
 */
#include "common/keystore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/b64.h"
#include "core/keyfile.h"

#define TEXT_MAX (TK_SLOTS_MAX * (TK_B64_ENC_LEN(TK_KEY_LEN_MAX) + 1))
#define SAVE_FLAGS (O_DSYNC | O_CLOEXEC | O_NOCTTY)

_Static_assert(TEXT_MAX < 4096, "a file in its form is less than a page");

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
	return tk_err_set(e, rc == TK_E_NOMEM ? rc : TK_E_SYS,
			  "'%s' : unable to load ssl tickets keys file (%s)", file, why->text);
}

int tk_keystore_load(const char *file, unsigned slots, struct tk_ring *out,
		     struct tk_file_id *id, struct tk_error *e)
{
	struct tk_error why;
	struct tk_file text;
	int rc = tk_file_read(&text, file, &why);

	return rc ? unreadable(out, rc, file, &why, e) : parse(&text, file, slots, out, id, e);
}

int tk_keystore_load_fd(int fd, const char *file, unsigned slots, struct tk_ring *out,
			struct tk_file_id *id, struct tk_error *e)
{
	struct tk_error why;
	struct tk_file text;
	int rc = tk_file_read_fd(&text, fd, &why);

	return rc ? unreadable(out, rc, file, &why, e) : parse(&text, file, slots, out, id, e);
}

bool tk_keystore_is_state(int fd, const struct tk_ring *ring)
{
	struct tk_ring was;
	struct tk_error e;
	unsigned at = 0;
	bool same;

	if (tk_keystore_load_fd(fd, "", ring->slots, &was, NULL, &e))
		return false;
	while (at < ring->slots && !tk_key_equal(&ring->key[at], &was.key[was.slots - 1]))
		at++;
	same = at < ring->slots;
	for (unsigned i = 1; i <= at && same; i++)
		same = tk_key_equal(&ring->key[at - i], &was.key[was.slots - 1 - i]);
	tk_ring_wipe(&was);
	return same;
}

/* ---- writing ---- */

int tk_keystore_open(const char *file)
{
	struct stat st;
	int fd = open(file, O_RDWR | O_NONBLOCK | SAVE_FLAGS);

	if (fd == -1 || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	errno = EINVAL;
	return -1;
}

/* One system call, so that nobody sees a part of it; a second one only where the kernel has
 * taken less, which tells the reason. */
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

static bool holds(int fd, const struct tk_ring *ring)
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

/* Whoever may write is not always one who may set the time. */
static void set_time(int fd, int64_t since)
{
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = (time_t)since}};

	if (since)
		(void)futimens(fd, times);
}

int tk_keystore_write(int fd, const struct tk_ring *ring, int64_t since, struct tk_file_id *id)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st) == -1)
		return TK_E_SYS;
	if (!S_ISREG(st.st_mode) || (size_t)st.st_size != tk_keyfile_len(ring))
		return TK_E_SIZE;
	if (!holds(fd, ring)) {
		rc = write_text(fd, ring);
		if (rc)
			return rc;
		set_time(fd, since);
	}
	return tk_file_id(fd, id);
}

/* Gives the new file what the old one had.  Who may read it must not change. */
static int dress(int fd, const struct stat *old)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return -1;
	if ((st.st_uid != old->st_uid || st.st_gid != old->st_gid) &&
	    fchown(fd, old->st_uid, old->st_gid) == -1)
		return -1;
	return fchmod(fd, old->st_mode & 07777);
}

static int make_new(const char *path, const char *temporary, const struct tk_ring *ring,
		    int64_t since, struct tk_file_id *id)
{
	struct stat old;
	int fd, saved;

	if (stat(path, &old) == -1)
		return -1;
	(void)unlink(temporary); /* of somebody who was killed */
	fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | SAVE_FLAGS, 0600);
	if (fd == -1)
		return -1;
	if (write_text(fd, ring) == 0 && dress(fd, &old) == 0) {
		set_time(fd, since);
		if (tk_file_id(fd, id) == 0 && rename(temporary, path) == 0)
			return fd;
	}
	saved = errno;
	(void)unlink(temporary);
	close(fd);
	errno = saved;
	return -1;
}

int tk_keystore_rewrite(const char *file, const struct tk_ring *ring, int64_t since,
			struct tk_file_id *id, struct tk_error *e)
{
	char *path = realpath(file, NULL), *temporary = NULL;
	int fd = -1;

	if (path && asprintf(&temporary, "%s.tkprov-new", path) == -1) {
		temporary = NULL;
		errno = ENOMEM;
	}
	if (temporary)
		fd = make_new(path, temporary, ring, since, id);
	if (fd == -1)
		tk_err_set(e, TK_E_SYS, "%s", strerror(errno));
	free(temporary);
	free(path);
	return fd;
}

/* Under its name it is whole from the first moment on; link(2) overwrites nothing.  The
 * temporary name is this process's alone: several may try at once. */
static int create(const char *file, const char *temporary, const struct tk_ring *ring)
{
	int fd, rc, saved;

	(void)unlink(temporary); /* of one that had this number and was killed */
	fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | SAVE_FLAGS, 0600);
	if (fd == -1)
		return -1;
	rc = fchmod(fd, 0600) == -1 || write_text(fd, ring) ? -1 : link(temporary, file);
	saved = errno;
	(void)unlink(temporary);
	close(fd);
	errno = saved;
	return rc;
}

int tk_keystore_create(const char *file, const struct tk_ring *ring, struct tk_error *e)
{
	struct stat there;
	char *temporary;
	int rc;

	if (lstat(file, &there) == 0)
		return tk_err_set(e, TK_E_INUSE, "there is a file already");
	if (asprintf(&temporary, "%s.tkprov-%ld", file, (long)getpid()) == -1)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	rc = create(file, temporary, ring);
	free(temporary);
	if (rc == -1 && errno == EEXIST)
		return tk_err_set(e, TK_E_INUSE, "there is a file already");
	return rc == -1 ? tk_err_set(e, TK_E_SYS, "%s", strerror(errno)) : 0;
}
