/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.c - reads small files whole.  Owns the system calls for that; knows neither key
 * files nor configuration.
 *
 * What it reads may be keys: no stdio, whose buffers would keep a copy, and one buffer
 * that is never moved, so that wiping it leaves nothing behind.
 */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int sys_err(struct tk_error *e)
{
	int code = TK_E_SYS;

	if (errno == ENOENT)
		code = TK_E_NOENT;
	else if (errno == ENOMEM)
		code = TK_E_NOMEM;
	return tk_err_set(e, code, "%s", strerror(errno));
}

/* Fills buf[0..cap) as far as the file goes. */
static ssize_t read_up_to(int fd, char *buf, size_t cap)
{
	size_t len = 0;

	while (len < cap) {
		ssize_t n = pread(fd, buf + len, cap - len, (off_t)len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		if (n == 0)
			break;
		len += (size_t)n;
	}
	return (ssize_t)len;
}

static void id_of(const struct stat *st, struct tk_file_id *out)
{
	*out = (struct tk_file_id){.dev = st->st_dev,
				   .ino = st->st_ino,
				   .size = (uint64_t)st->st_size,
				   .mtime_s = st->st_mtim.tv_sec,
				   .mtime_ns = st->st_mtim.tv_nsec};
}

int tk_file_id(int fd, struct tk_file_id *out)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return TK_E_SYS;
	id_of(&st, out);
	return 0;
}

static int read_fd(struct tk_file *f, int fd, struct tk_error *e)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return sys_err(e);
	if (!S_ISREG(st.st_mode))
		return tk_err_set(e, TK_E_SYS, "not a regular file");
	f->text = malloc(TK_FILE_MAX + 2);
	if (!f->text)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	n = read_up_to(fd, f->text, TK_FILE_MAX + 1);
	if (n == -1)
		return sys_err(e);
	f->len = (size_t)n;
	if (f->len > TK_FILE_MAX)
		return tk_err_set(e, TK_E_RANGE, "larger than %d bytes", TK_FILE_MAX);
	f->text[f->len] = '\0';
	id_of(&st, &f->id);
	return 0;
}

int tk_file_read_fd(struct tk_file *out, int fd, struct tk_error *e)
{
	int rc;

	*out = (struct tk_file){0};
	rc = read_fd(out, fd, e);
	if (rc)
		tk_file_fini(out);
	return rc;
}

int tk_file_read(struct tk_file *out, const char *path, struct tk_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int rc;

	*out = (struct tk_file){0};
	if (fd == -1)
		return sys_err(e);
	rc = tk_file_read_fd(out, fd, e);
	close(fd);
	return rc;
}

void tk_file_fini(struct tk_file *f)
{
	if (f->text)
		explicit_bzero(f->text, f->len);
	free(f->text);
	*f = (struct tk_file){0};
}
