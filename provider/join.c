/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join.c - owns connecting to, locking, binding and renaming socket paths.
 *
 * A socket is bound under a temporary name beside its path, gets owner and mode, listens
 * and is then renamed over the path: whoever sees it sees it complete, whatever the
 * umask.  SOCKET.lock makes two starters take turns.
 */
#include "provider/join.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "provider/clock.h"
#include "provider/log.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

#define LOCK_DEADLINE_MS 1000
#define LOCK_STEP_NS 5000000
#define BACKLOG 1024 /* whoever does not block must not be refused behind a flood */

enum peer { PEER_NONE, PEER_ALIVE, PEER_FORBIDDEN, PEER_NO_SOCKETS };

static void address(struct sockaddr_un *sa, const char *path, const char *suffix)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	(void)snprintf(sa->sun_path, sizeof(sa->sun_path), "%s%s", path, suffix);
}

/* Non-blocking: a full backlog (EAGAIN) is somebody alive too. */
static enum peer look(const char *path)
{
	struct sockaddr_un sa;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int rc, err;

	if (fd == -1)
		return PEER_NO_SOCKETS;
	address(&sa, path, "");
	rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	err = errno;
	close(fd);
	if (rc == 0 || err == EAGAIN || err == EINPROGRESS)
		return PEER_ALIVE;
	if (err == ECONNREFUSED || err == ENOENT)
		return PEER_NONE;
	errno = err;
	return PEER_FORBIDDEN;
}

static void make_directory(const char *path)
{
	char dir[TK_SOCKET_PATH_MAX + 1];
	struct stat st;
	int fd;

	(void)snprintf(dir, sizeof(dir), "%s", path);
	if (mkdir(dirname(dir), 0755) == -1) /* which has cut dir */
		return;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid())
		(void)fchmod(fd, 0755); /* umask may have cut the mode */
	close(fd);
}

/* A descriptor that holds SOCKET.lock, or -1 with errno. */
static int take_lock(const char *path)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_NS };
	int64_t end = tk_monotonic_ms() + LOCK_DEADLINE_MS;
	char name[TK_SOCKET_PATH_MAX + 8];
	int fd;

	(void)snprintf(name, sizeof(name), "%s.lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (fd == -1)
		return -1;
	while (flock(fd, LOCK_EX | LOCK_NB) == -1) {
		if ((errno != EWOULDBLOCK && errno != EINTR) || tk_monotonic_ms() >= end) {
			close(fd);
			errno = ETIMEDOUT;
			return -1;
		}
		nanosleep(&step, NULL);
	}
	return fd;
}

/* Unlock first: a child forked meanwhile shares the descriptor. */
static void drop_lock(int fd)
{
	(void)flock(fd, LOCK_UN);
	close(fd);
}

/* Only a socket that nobody listens on is replaced, never anything else. */
static int check_place(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (S_ISSOCK(st.st_mode))
		return 0;
	errno = ENOTSOCK;
	return -1;
}

/* chmod(2) takes names only, and the folder may belong to somebody else: what the name stands
 * for is held, looked at, and then changed through /proc, or by a newer system call. */
static int change_mode(int fd, mode_t mode)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	if (chmod(name, mode) == 0)
		return 0;
	return (int)syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH);
}

static int dress(const char *path, const struct tk_conf_socket *conf)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), rc = -1, saved;
	struct stat st;

	if (fd == -1)
		return -1;
	errno = EEXIST;
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_nlink == 1 && change_mode(fd, conf->mode) == 0)
		rc = 0;
	if (rc == 0 && (conf->uid != (uid_t)-1 || conf->gid != (gid_t)-1))
		rc = fchownat(fd, "", conf->uid, conf->gid, AT_EMPTY_PATH);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

static int bind_temporary(const struct tk_conf_socket *conf, struct sockaddr_un *sa)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int saved;

	if (fd == -1)
		return -1;
	address(sa, conf->path, ".new");
	if (check_place(sa->sun_path) == -1) {
		close(fd);
		errno = EEXIST;
		return -1;
	}
	(void)unlink(sa->sun_path); /* of somebody who was killed */
	if (bind(fd, (struct sockaddr *)sa, sizeof(*sa)) == -1)
		goto fail;
	if (dress(sa->sun_path, conf) == -1 || listen(fd, BACKLOG) == -1)
		goto fail_unlink;
	return fd;
fail_unlink:
	saved = errno;
	(void)unlink(sa->sun_path);
	errno = saved;
fail:
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int take_path(const struct tk_conf_socket *conf)
{
	struct sockaddr_un sa;
	int fd, saved;

	fd = bind_temporary(conf, &sa);
	if (fd == -1)
		return -1;
	if (rename(sa.sun_path, conf->path) == 0)
		return fd;
	saved = errno;
	(void)unlink(sa.sun_path);
	close(fd);
	errno = saved;
	return -1;
}

/* Connecting to a regular file is refused as a stale socket is; check_place tells.
 * *theirs: somebody else has it, or may have. */
static bool is_free(const char *path, bool *theirs)
{
	*theirs = false;
	switch (look(path)) {
	case PEER_NONE:
		return true;
	case PEER_ALIVE:
		*theirs = true;
		tk_log(LOG_NOTICE, "%s: a live instance has this socket; going on with keys from the "
				   "files and without a socket", path);
		return false;
	case PEER_FORBIDDEN:
		*theirs = true;
		tk_log(LOG_WARNING, "%s: cannot connect to see who has this socket: %s; going on "
				    "without a socket", path, strerror(errno));
		return false;
	default:
		tk_log(LOG_WARNING, "%s: no Unix sockets here; going on without", path);
		return false;
	}
}

/* False: it is not ours, and the reason was logged. */
static bool listen_on(const struct tk_conf_socket *conf, struct tk_fd *out, bool *theirs)
{
	int lock, fd = -1;

	if (!is_free(conf->path, theirs))
		return false;
	make_directory(conf->path);
	lock = check_place(conf->path) == 0 ? take_lock(conf->path) : -1;
	if (lock == -1) {
		tk_log(LOG_WARNING, "%s: %s; going on without a socket", conf->path,
		       errno == ENOTSOCK ? "there is something that is not a socket" :
					   strerror(errno));
		return false;
	}
	if (is_free(conf->path, theirs)) {
		fd = take_path(conf);
		if (fd == -1)
			tk_log(LOG_WARNING, "%s: %s; going on without a socket", conf->path,
			       strerror(errno));
	}
	drop_lock(lock);
	if (fd != -1)
		tk_fd_adopt(out, fd);
	return fd != -1;
}

void tk_join_listen(struct tk_instance *inst)
{
	for (unsigned i = 0; i < inst->conf->socket_count; i++) {
		bool theirs;
		bool ours = listen_on(&inst->conf->sockets[i], &inst->listeners[i], &theirs);

		if (i == 0)
			inst->beside = theirs;
		if (i == 0 && !ours)
			return;
	}
	inst->has_socket = true;
}
