/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - owns the clients' descriptors and buffers.  A session reads lines, hands
 * each command to the dispatcher, and closes when the answers to what it sent are
 * written.  Everything is non-blocking; a client that neither reads nor writes for ten
 * seconds is gone.
 *
 * Buffers may hold keys: they are wiped as soon as they are done with.
 */
#include "provider/session.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/reply.h"
#include "core/words.h"
#include "provider/command.h"

#define IDLE_MS 10000
#define TOO_BIG                                                                                    \
	"The command line is too big for the buffer size. Please change 'tune.bufsize' in the "    \
	"configuration to use a bigger command.\n"

struct session {
	int fd;              /* -1: free */
	int64_t deadline;    /* monotonic ms */
	struct tk_speaker who;
	size_t in_len;
	struct tk_reply out; /* framed answers */
	size_t out_sent;
	bool closing;        /* nothing more is read; close when out is sent */
	char in[TK_LINE_MAX + 1];
};

static struct session sessions[TK_SESSIONS_MAX];
static bool initialised;

/* The buffer only as far as it was used: its other pages need never exist. */
static void clear(struct session *s)
{
	explicit_bzero(s->in, s->in_len <= TK_LINE_MAX ? s->in_len : TK_LINE_MAX);
	memset(s, 0, offsetof(struct session, in));
	s->fd = -1;
}

static void end(struct session *s)
{
	close(s->fd);
	tk_reply_fini(&s->out);
	clear(s);
}

void tk_session_forget(void)
{
	/* Whatever the parent's thread was doing to them, they are only forgotten: its
	 * descriptors are in its own table, its answers a few bytes that stay lost. */
	for (unsigned i = 0; i < TK_SESSIONS_MAX; i++)
		clear(&sessions[i]);
	initialised = true;
}

static struct session *free_place(void)
{
	for (unsigned i = 0; i < TK_SESSIONS_MAX && initialised; i++)
		if (sessions[i].fd == -1)
			return &sessions[i];
	return NULL;
}

bool tk_session_room(void)
{
	return free_place() != NULL;
}

void tk_session_open(struct tk_instance *inst, int fd, unsigned which, int64_t now)
{
	struct session *s = free_place();
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (s == NULL || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
		close(fd);
		return;
	}
	s->fd = fd;
	s->deadline = now + IDLE_MS;
	tk_reply_init(&s->out);
	s->who = (struct tk_speaker){ .inst = inst,
				      .socket = which,
				      .level = inst->conf->sockets[which].level,
				      .uid = cred.uid,
				      .gid = cred.gid,
				      .pid = cred.pid };
}

nfds_t tk_session_poll(struct pollfd *p, int64_t *wake)
{
	nfds_t n = 0;

	for (unsigned i = 0; i < TK_SESSIONS_MAX; i++) {
		const struct session *s = &sessions[i];

		if (s->fd == -1)
			continue;
		if (s->deadline < *wake)
			*wake = s->deadline;
		p[n].fd = s->fd;
		p[n].events = (short)((s->closing ? 0 : POLLIN) |
				      (s->out_sent < s->out.len ? POLLOUT : 0));
		p[n++].revents = 0;
	}
	return n;
}

/* Runs all commands of one line. */
static void run_line(struct session *s, char *line)
{
	struct tk_words words;
	struct tk_reply r;
	char *rest = line;

	while (rest != NULL && !s->who.quit) {
		tk_reply_init(&r);
		if (tk_words_next(&rest, &words) != 0)
			tk_reply_msg(&r, TK_SEV_ERR, "Too many arguments. Commands must have at most "
						     "%d arguments.", TK_WORDS_MAX);
		else if (words.n > 0)
			tk_command_run(&s->who, &words, &r);
		if (r.failed)
			s->who.quit = true;
		else if (!s->who.quit)
			tk_reply_frame(&s->out, &r, s->who.severity);
		tk_reply_fini(&r);
	}
	if (s->out.failed)
		s->who.quit = true;
}

/* Lines that are complete are run, all of them; then the session is over. */
static void run_input(struct session *s)
{
	char *line = s->in, *nl;
	size_t left = s->in_len, len;

	while (!s->who.quit && (nl = memchr(line, '\n', left)) != NULL) {
		len = (size_t)(nl - line);
		left -= len + 1;
		if (memchr(line, '\0', len) != NULL) {
			s->who.quit = true;
			break;
		}
		line[len > 0 && line[len - 1] == '\r' ? len - 1 : len] = '\0';
		run_line(s, line);
		s->closing = true;
		line = nl + 1;
	}
	if (!s->closing && left == TK_LINE_MAX) {
		tk_reply_addn(&s->out, TOO_BIG, sizeof(TOO_BIG) - 1);
		s->closing = true;
	}
	if (s->closing || s->who.quit)
		explicit_bzero(s->in, s->in_len);
}

/* False: the session is over. */
static bool read_some(struct session *s)
{
	ssize_t n = recv(s->fd, s->in + s->in_len, TK_LINE_MAX - s->in_len, MSG_DONTWAIT);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR;
	if (n == 0)
		return false; /* a line without LF does not run */
	s->in_len += (size_t)n;
	run_input(s);
	return true;
}

static bool write_some(struct session *s)
{
	ssize_t n;

	while (s->out_sent < s->out.len) {
		n = send(s->fd, s->out.text + s->out_sent, s->out.len - s->out_sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1)
			return errno == EAGAIN || errno == EINTR;
		s->out_sent += (size_t)n;
	}
	return true;
}

static bool serve(struct session *s, short revents, int64_t now)
{
	bool moved = (revents & (POLLIN | POLLOUT)) != 0;

	if ((revents & (POLLERR | POLLNVAL)) != 0)
		return false;
	if (!s->closing && (revents & (POLLIN | POLLHUP)) != 0 && !read_some(s))
		return false;
	if (!write_some(s))
		return false;
	if (s->who.quit || s->closing)
		return s->out_sent < s->out.len && now < s->deadline;
	if (moved)
		s->deadline = now + IDLE_MS;
	return now < s->deadline;
}

void tk_session_serve(const struct pollfd *p, nfds_t n, int64_t now)
{
	nfds_t at = 0;

	for (unsigned i = 0; i < TK_SESSIONS_MAX && at < n; i++) {
		if (sessions[i].fd == -1)
			continue;
		if (!serve(&sessions[i], p[at++].revents, now))
			end(&sessions[i]);
	}
}
