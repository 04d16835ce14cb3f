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
#define BACKLOG SOMAXCONN /* whoever does not block must not be refused behind a flood */

/* What there is on a path, and what became of a socket. */
enum state { FREE, OURS, ALIVE, FORBIDDEN, NO_SOCKETS, NO_LOCK, FAILED };

static void address(struct sockaddr_un *sa, const char *path, const char *suffix)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	(void)snprintf(sa->sun_path, sizeof(sa->sun_path), "%s%s", path, suffix);
}

/* Non-blocking: a full backlog (EAGAIN) is somebody alive too.  *maker: who made the socket there,
 * as far as is known, else 0. */
static enum state look(const char *path, pid_t *maker)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred cred = { .pid = 0 };
	socklen_t len = sizeof(cred);
	struct sockaddr_un sa;
	int rc, err;

	*maker = 0;
	if (fd == -1)
		return NO_SOCKETS;
	address(&sa, path, "");
	rc = connect(fd, (struct sockaddr *)&sa, sizeof(sa));
	err = errno;
	if (rc == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0)
		*maker = cred.pid;
	close(fd);
	if (rc == 0 || err == EAGAIN || err == EINPROGRESS)
		return ALIVE;
	if (err == ECONNREFUSED || err == ENOENT)
		return FREE;
	errno = err;
	return FORBIDDEN;
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
static int take_lock(const char *path, int deadline_ms)
{
	const struct timespec step = { .tv_nsec = LOCK_STEP_NS };
	int64_t end = tk_monotonic_ms() + deadline_ms;
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

	(void)snprintf(name, sizeof(name), "/proc/thread-self/fd/%d", fd);
	if (chmod(name, mode) == 0)
		return 0;
	return (int)syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH);
}

/* *step: what went wrong. */
static int dress(const char *path, const struct tk_conf_socket *conf, const char **step)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), rc = -1, saved;
	struct stat st;

	if (fd == -1)
		return -1;
	errno = EEXIST;
	if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid() &&
	    st.st_nlink == 1 && change_mode(fd, conf->mode) == 0)
		rc = 0;
	if (rc == 0)
		*step = "its user or group cannot be set: ";
	if (rc == 0 && (conf->uid != (uid_t)-1 || conf->gid != (gid_t)-1))
		rc = fchownat(fd, "", conf->uid, conf->gid, AT_EMPTY_PATH);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

static int bind_temporary(const struct tk_conf_socket *conf, struct sockaddr_un *sa,
			  const char **step)
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
	if (dress(sa->sun_path, conf, step) == -1 || listen(fd, BACKLOG) == -1)
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

static int take_path(const struct tk_conf_socket *conf, const char **step)
{
	struct sockaddr_un sa;
	int fd, saved;

	fd = bind_temporary(conf, &sa, step);
	if (fd == -1)
		return -1;
	*step = "what is there cannot be replaced: ";
	if (rename(sa.sun_path, conf->path) == 0)
		return fd;
	saved = errno;
	(void)unlink(sa.sun_path);
	close(fd);
	errno = saved;
	return -1;
}

/* Connecting to a regular file is refused as a stale socket is; check_place tells.  Somebody who
 * lives keeps what he has: looked at again under the lock.  On NO_LOCK and FAILED errno says why,
 * and *step before it what could not be done. */
static enum state listen_on(const struct tk_conf_socket *conf, struct tk_fd *out, int deadline_ms,
			    const char **step)
{
	enum state there;
	pid_t maker;
	int lock, fd = -1, saved;

	*step = "";
	if (check_place(conf->path) == -1)
		return FAILED;
	lock = take_lock(conf->path, deadline_ms);
	if (lock == -1)
		return NO_LOCK;
	there = look(conf->path, &maker);
	if (there == FREE)
		fd = take_path(conf, step);
	saved = errno;
	drop_lock(lock);
	errno = saved;
	if (there != FREE)
		return there;
	if (fd == -1)
		return FAILED;
	tk_fd_adopt(out, fd);
	return OURS;
}

/* At the start of a server: with its folder, and with a wait for others that start. */
static enum state open_first(const struct tk_conf_socket *conf, struct tk_fd *out, const char **step)
{
	pid_t maker;
	enum state there = look(conf->path, &maker);

	if (there != FREE)
		return there;
	make_directory(conf->path);
	return listen_on(conf, out, LOCK_DEADLINE_MS, step);
}

static bool has_no_folder(const char *path)
{
	char dir[TK_SOCKET_PATH_MAX + 1];

	(void)snprintf(dir, sizeof(dir), "%s", path);
	return access(dirname(dir), F_OK) == -1;
}

static void say(const char *path, bool first, enum state got, const char *step)
{
	const char *without = first ? "without a socket" : "without this one";

	switch (got) {
	case FREE:
	case OURS:
		break;
	case ALIVE:
		if (first)
			tk_log(LOG_NOTICE, "%s: a live instance has this socket; going on with keys "
					   "from the files and without a socket", path);
		else
			tk_log(LOG_WARNING, "%s: somebody else has this socket; going on %s", path,
			       without);
		break;
	case FORBIDDEN:
		tk_log(LOG_WARNING, "%s: cannot connect to see who has this socket: %s; going on %s",
		       path, strerror(errno), without);
		break;
	case NO_SOCKETS:
		tk_log(LOG_WARNING, "%s: no Unix sockets here; going on %s", path, without);
		break;
	case NO_LOCK:
		if (errno == ENOENT && has_no_folder(path))
			tk_log(LOG_WARNING, "%s: its folder is missing, and only the last one of a path "
					    "is made; going on %s", path, without);
		else
			tk_log(LOG_WARNING, "%s: its .lock: %s; going on %s", path,
			       errno == ETIMEDOUT ? "somebody has it all the time" :
			       errno == ELOOP	  ? "is a link" :
						    strerror(errno),
			       without);
		break;
	case FAILED:
		tk_log(LOG_WARNING, "%s: %s%s; going on %s", path, step,
		       errno == ENOTSOCK ? "there is something that is not a socket" :
		       errno == EEXIST   ? "its .new is not a socket of ours" :
					   strerror(errno),
		       without);
		break;
	}
}

void tk_join_listen(struct tk_instance *inst)
{
	const struct tk_conf *conf = inst->conf;
	const char *step = "";
	enum state got = FREE;

	for (unsigned i = 0; i < conf->socket_count; i++) {
		if (i > 0 && !tk_fd_ok(&inst->listeners[0])) {
			tk_log(LOG_NOTICE, "%s: not made, for there is none without %s",
			       conf->sockets[i].path, conf->sockets[0].path);
			continue;
		}
		got = open_first(&conf->sockets[i], &inst->listeners[i], &step);
		say(conf->sockets[i].path, i == 0, got, step);
		if (i == 0)
			tk_board_set_beside(inst->board, got == ALIVE);
	}
	if (tk_fd_ok(&inst->listeners[0]))
		tk_board_set_listener(inst->board, getpid());
}

enum tk_join tk_join_again(struct tk_instance *inst)
{
	const struct tk_conf *conf = inst->conf;
	const char *step;
	pid_t maker;
	enum state there = look(conf->sockets[0].path, &maker);

	/* Made by one of ours: somebody who has not entered so yet holds it. */
	if (there == ALIVE && maker != 0 && maker != tk_board_listener(inst->board))
		return TK_JOIN_THEIRS;
	if (there != FREE || listen_on(&conf->sockets[0], &inst->listeners[0], 0, &step) != OURS)
		return TK_JOIN_NOT;
	for (unsigned i = 1; i < conf->socket_count; i++)
		(void)listen_on(&conf->sockets[i], &inst->listeners[i], 0, &step);
	tk_board_set_listener(inst->board, getpid());
	return TK_JOIN_OURS;
}

void tk_join_leave(struct tk_instance *inst, bool unlink_too)
{
	for (unsigned i = 0; i < inst->conf->socket_count; i++) {
		/* While it is open nobody else takes the path. */
		if (unlink_too && tk_fd_ok(&inst->listeners[i]))
			(void)unlink(inst->conf->sockets[i].path);
		tk_fd_close(&inst->listeners[i]);
	}
}
