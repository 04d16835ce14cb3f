/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - the way to the server and back.  Owns the socket; knows no command and
 * does not look into an answer.
 *
 * Blocking calls with the kernel's time limits: the one for sending covers connect(2)
 * too, which waits where the server's backlog is full.
 */
#include "ctl/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

static int sys_err(struct tk_error *e, const char *what)
{
	if (errno == EAGAIN)
		return tk_err_set(e, TK_E_BUSY, "no answer for %d seconds", TK_CLIENT_SILENCE_S);
	if (errno == ECONNRESET || errno == EPIPE)
		return tk_err_set(e, TK_E_SYS, "the server closed the connection before it had "
					       "answered");
	return tk_err_set(e, TK_E_SYS, "%s: %s", what, strerror(errno));
}

static int connect_err(struct tk_error *e)
{
	switch (errno) {
	case ENOENT:
	case ENOTDIR:
		return tk_err_set(e, TK_E_NOENT,
				  "no server there: %s (another one: -s SOCKET or -i INSTANCE)",
				  strerror(errno));
	case ECONNREFUSED:
		return tk_err_set(e, TK_E_NOENT, "no server listens there any more");
	case EACCES:
	case EPERM:
		return tk_err_set(e, TK_E_DENIED,
				  "%s: the socket's owner, group and mode say who may",
				  strerror(errno));
	default:
		return sys_err(e, "connect");
	}
}

static int set_patience(int fd, struct tk_error *e)
{
	static const struct timeval limit = {.tv_sec = TK_CLIENT_SILENCE_S};

	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == -1)
		return sys_err(e, "setsockopt");
	return 0;
}

static int send_all(int fd, const char *data, size_t len, struct tk_error *e)
{
	while (len > 0) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return sys_err(e, "send");
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int receive_all(int fd, struct tk_reply *answer, struct tk_error *e)
{
	char buf[4096];
	ssize_t n;
	int rc = 0;

	while ((n = recv(fd, buf, sizeof(buf), 0)) != 0 && !rc) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			rc = sys_err(e, "recv");
			break;
		}
		tk_reply_addn(answer, buf, (size_t)n);
		if (answer->failed)
			rc = tk_err_set(e, TK_E_NOMEM, "out of memory");
		else if (answer->len > TK_CLIENT_ANSWER_MAX)
			rc = tk_err_set(e, TK_E_RANGE, "the answer has no end");
	}
	explicit_bzero(buf, sizeof(buf));
	return rc;
}

int tk_client_path(const char *path, struct tk_error *e)
{
	const size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (!*path)
		return tk_err_set(e, TK_E_PARSE, "an empty name is not the path of a socket");
	if (strlen(path) > most)
		return tk_err_set(e, TK_E_RANGE, "'%s' is too long for the path of a socket: at most "
						 "%zu bytes",
				  path, most);
	return 0;
}

int tk_client_ask(const char *path, const char *request, size_t len, struct tk_reply *answer,
		  struct tk_error *e)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd, rc = tk_client_path(path, e);

	if (rc)
		return rc;
	memcpy(addr.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return sys_err(e, "socket");
	rc = set_patience(fd, e);
	if (!rc && connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == -1)
		rc = connect_err(e);
	if (!rc)
		rc = send_all(fd, request, len, e);
	if (!rc)
		rc = receive_all(fd, answer, e);
	close(fd);
	return rc;
}
