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
#define READS_AT_ONCE 64 /* of 16 KiB: then other clients have their turn */
#define TOO_BIG                                                                                    \
	"The command line is too big for the buffer size. Please change 'tune.bufsize' in the "    \
	"configuration to use a bigger command.\n"

struct session {
	struct tk_fd fd;     /* TK_FD_NONE: free; checked before each use */
	int64_t deadline;    /* monotonic ms */
	struct tk_speaker who;
	size_t in_len;
	struct tk_reply out; /* framed answers */
	size_t out_sent;
	bool closing;        /* a command was run: close when what came is answered */
	bool too_big;        /* a line did not fit */
	char in[TK_LINE_MAX + 1];
};

static struct session sessions[TK_SESSIONS_MAX];
static bool initialised;

/* The buffer only as far as it was used: its other pages need never exist. */
static void clear(struct session *s)
{
	explicit_bzero(s->in, s->in_len <= TK_LINE_MAX ? s->in_len : TK_LINE_MAX);
	memset(s, 0, offsetof(struct session, in));
	s->fd = TK_FD_NONE;
}

static void end(struct session *s)
{
	tk_fd_close(&s->fd);
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
		if (sessions[i].fd.num == -1)
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

	if (s == NULL || tk_speaker_init(&s->who, inst, which, fd) != 0) {
		close(fd);
		return;
	}
	tk_fd_adopt(&s->fd, fd);
	s->deadline = now + IDLE_MS;
	tk_reply_init(&s->out);
}

nfds_t tk_session_poll(struct pollfd *p, int64_t *wake)
{
	nfds_t n = 0;

	for (unsigned i = 0; i < TK_SESSIONS_MAX; i++) {
		const struct session *s = &sessions[i];

		if (s->fd.num == -1)
			continue;
		if (s->deadline < *wake)
			*wake = s->deadline;
		p[n].fd = s->fd.num;
		p[n].events = (short)((s->closing ? 0 : POLLIN) |
				      (s->out_sent < s->out.len ? POLLOUT : 0));
		p[n++].revents = 0;
	}
	return n;
}

/* A part of the input. */
struct span {
	char *at;
	size_t len;
};

/* Runs all commands of one line; the payload is the last one's. */
static void run_line(struct session *s, char *line, struct span payload)
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
			tk_command_run(&s->who, &words, words.payload ? payload.at : NULL,
				       payload.len, &r);
		if (r.failed)
			s->who.quit = true;
		else if (!s->who.quit)
			tk_reply_frame(&s->out, &r, s->who.severity);
		tk_reply_fini(&r);
	}
	if (s->out.failed)
		s->who.quit = true;
}

/* Cuts a line off *rest: without its LF and the CR before that, terminated.  False: there
 * is none that is whole. */
static bool cut_line(struct span *rest, struct span *line)
{
	char *lf = memchr(rest->at, '\n', rest->len);
	size_t len;

	if (lf == NULL)
		return false;
	len = (size_t)(lf - rest->at);
	*line = (struct span){ rest->at, len };
	rest->at += len + 1;
	rest->len -= len + 1;
	if (line->len > 0 && line->at[line->len - 1] == '\r')
		line->len--;
	return true;
}

/* The lines up to an empty one, for a command that ends in `<<`.  False: there is none yet. */
static bool cut_payload(struct span *rest, struct span *payload)
{
	struct span line;

	payload->at = rest->at;
	while (cut_line(rest, &line))
		if (line.len == 0) {
			payload->len = (size_t)(line.at - payload->at);
			return true;
		}
	return false;
}

/* Cuts what one run needs off *rest. */
static bool cut_request(struct span *rest, struct span *line, struct span *payload)
{
	*payload = (struct span){ NULL, 0 };
	if (!cut_line(rest, line))
		return false;
	return !tk_words_payload(line->at, line->len) || cut_payload(rest, payload);
}

/* What is complete is run, all of it; then the session is over, unless a command still
 * waits for its payload. */
static void run_input(struct session *s)
{
	struct span left = { s->in, s->in_len }, rest = left, line, payload;

	while (!s->who.quit && cut_request(&rest, &line, &payload)) {
		if (memchr(left.at, '\0', (size_t)(rest.at - left.at)) != NULL) {
			s->who.quit = true;
			break;
		}
		line.at[line.len] = '\0';
		run_line(s, line.at, payload);
		left = rest;
		s->closing = true;
	}
	if (memchr(left.at, '\n', left.len) != NULL)
		s->closing = false;
	if (left.len == TK_LINE_MAX) {
		tk_reply_addn(&s->out, TOO_BIG, sizeof(TOO_BIG) - 1);
		s->closing = s->too_big = true;
	}
	if (s->too_big || s->who.quit)
		left.len = 0;
	explicit_bzero(s->in, (size_t)(left.at - s->in));
	memmove(s->in, left.at, left.len);
	explicit_bzero(s->in + left.len, s->in_len - left.len);
	s->in_len = left.len;
}

/* False: the session is over.  Lines that came together are run together, however many
 * buffers they fill.  What comes after the end is read and forgotten: unread it would
 * make the close a reset, and the answer be lost on its way. */
static bool read_some(struct session *s)
{
	for (unsigned i = 0; i < READS_AT_ONCE; i++) {
		ssize_t n = recv(s->fd.num, s->in + s->in_len, TK_LINE_MAX - s->in_len,
				 MSG_DONTWAIT);

		if (n == -1)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return s->closing; /* a line without LF does not run */
		s->in_len += (size_t)n;
		if (s->who.quit || s->too_big) {
			explicit_bzero(s->in, s->in_len);
			s->in_len = 0;
		} else {
			run_input(s);
		}
	}
	return true;
}

static bool write_some(struct session *s)
{
	ssize_t n;

	while (s->out_sent < s->out.len) {
		n = send(s->fd.num, s->out.text + s->out_sent, s->out.len - s->out_sent,
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

	if ((revents & (POLLERR | POLLNVAL)) != 0 || !tk_fd_ok(&s->fd))
		return false;
	if (!s->closing && (revents & (POLLIN | POLLHUP)) != 0 && !read_some(s))
		return false;
	if (!write_some(s))
		return false;
	if (moved)
		s->deadline = now + IDLE_MS;
	if ((s->who.quit || s->closing) && s->out_sent == s->out.len)
		return false;
	return now < s->deadline;
}

void tk_session_serve(const struct pollfd *p, nfds_t n, int64_t now)
{
	nfds_t at = 0;

	for (unsigned i = 0; i < TK_SESSIONS_MAX && at < n; i++) {
		if (sessions[i].fd.num == -1)
			continue;
		if (!serve(&sessions[i], p[at++].revents, now))
			end(&sessions[i]);
	}
}
