/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - owns the clients' descriptors and buffers.  A session runs one command at a
 * time and the next one when the answer is written, so what a client can make it keep is
 * one line and one answer.  Unless it is interactive it ends when what it sent is answered.
 *
 * Deadlines run from the last command, or from the first byte of a line: neither bytes that
 * trickle in nor an answer that is read byte by byte move them.
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

#define TURNS 64    /* commands and reads at once: then other clients have their turn */
#define GRACE_MS 20 /* before a client that has said nothing has to make room */
#define TOO_BIG                                                                                    \
	"The command line is too big for the buffer size. Please change 'tune.bufsize' in the "    \
	"configuration to use a bigger command.\n"

/* A part of the input. */
struct span {
	char *at;
	size_t len;
};

struct session {
	struct tk_fd fd;     /* TK_FD_NONE: free; checked before each use */
	int64_t since;       /* monotonic ms, as all times here */
	int64_t deadline;
	struct tk_speaker who;
	size_t in_len;
	char *rest;          /* in `in`: commands of the line that is being run, NULL: none */
	char *next;          /* in `in`: what comes behind that line and its payload */
	struct span payload;
	unsigned pluses;     /* prompts for payload that this request has had */
	struct tk_reply out; /* framed answers */
	size_t out_sent;
	bool answered;       /* a line was run */
	bool over;           /* nothing more is run; closed when the answer is written */
	bool busy;           /* has more to do at once */
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

/* In a table that is the server's, too, a child forked meanwhile has a copy of the descriptor, and
 * the client would not see the end. */
static void end(struct session *s)
{
	if (!tk_fds_own() && tk_fd_ok(&s->fd))
		(void)shutdown(s->fd.num, SHUT_RDWR);
	tk_fd_close(&s->fd);
	tk_reply_fini(&s->out);
	clear(s);
}

void tk_session_forget(void)
{
	/* Whatever the parent's thread was doing to them, they are only forgotten, its answers
	 * a few bytes that stay lost.  Its descriptors are in its own table; or in the server's,
	 * and were inherited. */
	for (unsigned i = 0; i < TK_SESSIONS_MAX; i++) {
		if (initialised)
			tk_fd_close(&sessions[i].fd);
		clear(&sessions[i]);
	}
	initialised = true;
}

/* ---- places ---- */

static struct session *free_place(void)
{
	for (unsigned i = 0; i < TK_SESSIONS_MAX && initialised; i++)
		if (sessions[i].fd.num == -1)
			return &sessions[i];
	return NULL;
}

/* The oldest one that has sent no whole command since its last answer. */
static struct session *idlest(void)
{
	struct session *found = NULL;

	for (unsigned i = 0; i < TK_SESSIONS_MAX && initialised; i++) {
		struct session *s = &sessions[i];

		if (s->fd.num != -1 && s->rest == NULL && s->out.len == 0 && !s->busy &&
		    (found == NULL || s->since < found->since))
			found = s;
	}
	return found;
}

bool tk_session_room(int64_t now, int64_t *wake)
{
	const struct session *s;

	if (free_place() != NULL)
		return true;
	s = idlest();
	if (s == NULL)
		return false;
	if (s->since + GRACE_MS > now && s->since + GRACE_MS < *wake)
		*wake = s->since + GRACE_MS;
	return s->since + GRACE_MS <= now;
}

nfds_t tk_session_poll(struct pollfd *p, int64_t *wake)
{
	nfds_t n = 0;

	for (unsigned i = 0; i < TK_SESSIONS_MAX; i++) {
		const struct session *s = &sessions[i];

		if (s->fd.num == -1)
			continue;
		if (s->busy)
			*wake = 0;
		if (s->deadline < *wake)
			*wake = s->deadline;
		p[n].fd = s->fd.num;
		p[n].events = s->out.len > 0 ? POLLOUT : POLLIN;
		p[n++].revents = 0;
	}
	return n;
}

/* ---- requests ---- */

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

/* In a payload each line is asked for with `+ `, as HAProxy does: after the command's own
 * line and after each that is not the last. */
static void prompt_payload(struct session *s, const char *end, bool whole)
{
	unsigned want = whole ? (unsigned)-1 : 0;

	for (const char *p = s->in; (p = memchr(p, '\n', (size_t)(end - p))) != NULL; p++)
		want++;
	for (; s->who.prompt && s->pluses < want; s->pluses++)
		tk_reply_addn(&s->out, "+ ", 2);
}

static void refuse(struct session *s, const char *text, size_t len)
{
	tk_reply_addn(&s->out, text, len);
	s->over = true;
}

/* Takes up the next line if it is whole, and its payload with it. */
static bool begin_request(struct session *s)
{
	static const char nul[] = "A command must not have a NUL byte in it.\n\n";
	struct span rest = { s->in, s->in_len }, line = { NULL, 0 };
	bool whole = cut_request(&rest, &line, &s->payload);

	if (!whole && s->in_len == TK_LINE_MAX)
		refuse(s, TOO_BIG, sizeof(TOO_BIG) - 1);
	if (s->payload.at != NULL)
		prompt_payload(s, whole ? rest.at : s->in + s->in_len, whole);
	if (!whole)
		return false;
	if (memchr(s->in, '\0', (size_t)(rest.at - s->in)) != NULL) {
		refuse(s, nul, sizeof(nul) - 1);
		return false;
	}
	line.at[line.len] = '\0';
	s->rest = line.at;
	s->next = rest.at;
	s->pluses = 0;
	return true;
}

/* The line is done with: what follows it moves to the front. */
static void end_request(struct session *s)
{
	size_t done = (size_t)(s->next - s->in), left = s->in_len - done;

	explicit_bzero(s->in, done);
	memmove(s->in, s->next, left);
	explicit_bzero(s->in + left, s->in_len - left);
	s->in_len = left;
	s->answered = true;
}

static void run_command(struct session *s, struct tk_words *words, struct tk_reply *r)
{
	if (tk_words_next(&s->rest, words) != 0)
		tk_reply_msg(r, TK_SEV_ERR, "Too many arguments. Commands must have at most %d "
					    "arguments.", TK_WORDS_MAX);
	else if (words->n > 0)
		tk_command_run(&s->who, words, words->payload ? s->payload.at : NULL,
			       s->payload.len, r);
	if (s->who.quit)
		return;
	tk_reply_frame(&s->out, r, s->who.severity);
	if (s->who.prompt)
		tk_reply_addn(&s->out, "> ", 2);
}

/* Runs one command.  False: there is none that is whole, and nothing to say of it. */
static bool run_next(struct session *s, int64_t now)
{
	struct tk_words words;
	struct tk_reply r;

	if (s->rest == NULL && !begin_request(s))
		return s->out.len > 0;
	tk_reply_init(&r);
	run_command(s, &words, &r);
	s->over = s->who.quit || r.failed || s->out.failed;
	tk_reply_fini(&r);
	s->deadline = now + s->who.timeout;
	if (s->rest == NULL)
		end_request(s);
	return true;
}

/* ---- input and output ---- */

enum input { SOME, NONE_NOW, ENDED };

static enum input read_some(struct session *s, int64_t now)
{
	ssize_t n = recv(s->fd.num, s->in + s->in_len, TK_LINE_MAX - s->in_len, MSG_DONTWAIT);

	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? NONE_NOW : ENDED;
	if (n == 0)
		return ENDED;
	if (s->in_len == 0)
		s->deadline = now + s->who.timeout;
	s->in_len += (size_t)n;
	return SOME;
}

/* What comes after the end is read and forgotten: unread it would make the close a reset,
 * and the answer be lost on its way. */
static void drain(struct session *s)
{
	unsigned turns = TURNS;

	explicit_bzero(s->in, s->in_len);
	while (turns-- > 0 && recv(s->fd.num, s->in, TK_LINE_MAX, MSG_DONTWAIT) > 0)
		;
	s->in_len = TK_LINE_MAX;
}

/* False: nobody is there to read it. */
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
	tk_reply_fini(&s->out);
	s->out_sent = 0;
	return true;
}

/* Has all that came been answered, and is no more to come? */
static bool is_done(const struct session *s)
{
	return s->answered && !s->who.interactive && memchr(s->in, '\n', s->in_len) == NULL;
}

/* One step.  False: there is nothing more to do now; *open says whether to wait for more. */
static bool step(struct session *s, int64_t now, bool *open)
{
	*open = write_some(s);
	if (!*open || s->out.len > 0)
		return false;
	if (s->over) {
		drain(s);
		*open = false;
		return false;
	}
	if (run_next(s, now))
		return true;
	switch (read_some(s, now)) {
	case SOME:
		return true;
	case NONE_NOW:
		*open = !is_done(s);
		return false;
	default:
		*open = false;
		return false;
	}
}

static bool serve(struct session *s, short revents, int64_t now)
{
	unsigned turns = TURNS;
	bool open = true;

	if ((revents & (POLLERR | POLLNVAL)) != 0 || !tk_fd_ok(&s->fd))
		return false;
	if (revents != 0 || s->busy)
		while (turns > 0 && step(s, now, &open))
			turns--;
	s->busy = turns == 0;
	return open && now < s->deadline;
}

static void serve_one(struct session *s, short revents, int64_t now)
{
	if (!serve(s, revents, now))
		end(s);
}

void tk_session_open(struct tk_instance *inst, int fd, unsigned which, int64_t now)
{
	struct session *s = free_place();

	if (s == NULL && idlest() != NULL) {
		end(idlest());
		s = free_place();
	}
	if (s == NULL || tk_speaker_init(&s->who, inst, which, fd) != 0) {
		close(fd);
		return;
	}
	tk_fd_adopt(&s->fd, fd);
	s->since = now;
	s->deadline = now + s->who.timeout;
	tk_reply_init(&s->out);
	serve_one(s, POLLIN, now); /* most have sent their line by now */
}

void tk_session_serve(const struct pollfd *p, nfds_t n, int64_t now)
{
	nfds_t at = 0;

	for (unsigned i = 0; i < TK_SESSIONS_MAX && at < n; i++) {
		if (sessions[i].fd.num == -1)
			continue;
		serve_one(&sessions[i], p[at++].revents, now);
	}
}
