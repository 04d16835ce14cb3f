/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - owns the clients' descriptors and buffers.  A session runs one command at a
 * time and the next one when the answer is written, so what a client can make it keep is
 * one command, with its payload, and one answer.  Unless it is interactive it ends when
 * all that it sent is answered.
 *
 * Deadlines run from the last command, or from the first byte of a line: neither bytes that
 * trickle in nor an answer that is read byte by byte move them.  An answer has one of its
 * own, which no client chooses.
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
#include "provider/clock.h"
#include "provider/command.h"

#define TURNS 64       /* commands and reads at once: then other clients have their turn */
#define TURN_MS 10     /* and so long: a command may wait for a disk */
#define GRACE_MS 20    /* before a client that says nothing has to make room */
#define UNREAD_MS 500  /* before one that does not read its answer has to */
#define LONG_MS 500    /* before one that sends commands without pause has to */
#define READ_MS 10000  /* an answer has to be read in that time, whatever the client's timeout */
#define TOO_BIG                                                                                    \
	"The command line is too big for the buffer size. Please change 'tune.bufsize' in the "    \
	"configuration to use a bigger command."

struct session {
	struct tk_fd fd;     /* TK_FD_NONE: free; checked before each use */
	int64_t since;       /* monotonic ms, as all times here */
	int64_t deadline;
	struct tk_speaker who;
	size_t in_len;
	size_t done;         /* of `in`: what is done with, and wiped */
	size_t payload;      /* behind `done`: where the command's payload begins; 0: the command
	                      * is not whole yet */
	size_t payload_len;  /* as far as it has come */
	struct tk_reply out; /* framed answers */
	size_t out_sent;
	int64_t unread;      /* since when `out` is not empty, if it is not */
	bool answered;       /* a command was run */
	bool ended;          /* nothing more will come */
	bool over;           /* nothing more is run; closed when the answer is written */
	bool busy;           /* has more to do at once */
	unsigned stands;     /* so many turns more it waits between two commands */
	char in[TK_LINE_MAX + 1];
};

static struct session sessions[TK_SESSIONS_MAX];
static bool initialised;
static unsigned put_out; /* how many had to make room since there was any */

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

/* The larger the crowd the shorter its patience, down to the grace, so that whoever stands behind
 * it has not to wait for all of it: half for each ten that had to go. */
static int64_t patience(int64_t ms)
{
	for (unsigned n = put_out; n >= TK_SESSIONS_MAX && ms > GRACE_MS; n -= TK_SESSIONS_MAX)
		ms /= 2;
	return ms > GRACE_MS ? ms : GRACE_MS;
}

/* When a session has to make room, by what it does; INT64_MAX: it does something else. */
static int64_t when_silent(const struct session *s)
{
	return s->out.len == 0 && !s->busy && !s->answered ? s->since + GRACE_MS : INT64_MAX;
}

static int64_t when_idle(const struct session *s)
{
	return s->out.len == 0 && !s->busy && s->answered ? s->since + GRACE_MS : INT64_MAX;
}

static int64_t when_unread(const struct session *s)
{
	return s->out.len > 0 ? s->unread + patience(UNREAD_MS) : INT64_MAX;
}

static int64_t when_at_work(const struct session *s)
{
	return s->out.len == 0 && s->busy ? s->since + patience(LONG_MS) : INT64_MAX;
}

static struct session *first_of(int64_t (*when)(const struct session *))
{
	struct session *found = NULL;

	for (unsigned i = 0; i < TK_SESSIONS_MAX && initialised; i++) {
		struct session *s = &sessions[i];

		if (s->fd.num != -1 && when(s) != INT64_MAX &&
		    (found == NULL || when(s) < when(found)))
			found = s;
	}
	return found;
}

/* Who makes room now.  Where anybody is silent or idle, nobody else has to: its grace is short.
 * Idle ones do not wait for it: else places would come one at a time. */
static struct session *gives_way(int64_t now, int64_t *wake)
{
	static int64_t (*const kinds[])(const struct session *) = { when_silent, when_idle,
								    when_unread, when_at_work };
	bool found = false;

	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct session *s;

		if (found && kinds[i] == when_unread)
			return NULL;
		s = first_of(kinds[i]);
		if (s == NULL)
			continue;
		if (kinds[i](s) <= now)
			return s;
		if (kinds[i](s) < *wake)
			*wake = kinds[i](s);
		found = true;
	}
	return NULL;
}

bool tk_session_room(int64_t now, int64_t *wake)
{
	if (free_place() == NULL)
		return gives_way(now, wake) != NULL;
	put_out = 0;
	return true;
}

/* With all places taken, a client that has held its own for long waits between two commands,
 * until the listeners were asked once whether anybody wants it. */
static bool stands_back(struct session *s, int64_t now)
{
	if (now - s->since < patience(LONG_MS) || free_place() != NULL)
		s->stands = 0;
	else
		s->stands = s->stands == 0 ? 2 : s->stands - 1;
	return s->stands > 0;
}

static int64_t deadline_of(const struct session *s)
{
	if (s->out.len > 0 && s->unread + READ_MS < s->deadline)
		return s->unread + READ_MS;
	return s->deadline;
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
		if (deadline_of(s) < *wake)
			*wake = deadline_of(s);
		p[n].fd = s->fd.num;
		p[n].events = s->out.len > 0 ? POLLOUT : POLLIN;
		p[n++].revents = 0;
	}
	return n;
}

/* ---- requests ---- */

static void refuse(struct session *s, const char *text)
{
	tk_reply_addf(&s->out, "%s%s\n", tk_reply_prefix(TK_SEV_ERR, s->who.severity), text);
	s->over = true;
}

static void refuse_nul(struct session *s)
{
	refuse(s, "A command must not have a NUL byte in it.\n");
}

/* The length of a line without the CR at its end. */
static size_t without_cr(const char *at, size_t len)
{
	return len > 0 && at[len - 1] == '\r' ? len - 1 : len;
}

/* As HAProxy does: at once after the command, and after each line that is not the last. */
static void ask_for_payload(struct session *s)
{
	if (s->who.prompt && !s->over)
		tk_reply_addn(&s->out, "+ ", 2);
}

/* Finds the command's end and terminates it.  *next: what follows it, 0: a payload first.
 * False: it is not whole. */
static bool take_command(struct session *s, size_t *next)
{
	char *at = s->in + s->done;
	size_t left = s->in_len - s->done, len = tk_words_cut(at, left);

	if (len == left && s->ended && left > 0 && at[left - 1] == '\n')
		len--; /* escaped, but nothing comes any more */
	if (len == left)
		return false;
	s->payload = len + 1;
	s->payload_len = 0;
	if (memchr(at, '\0', len) != NULL)
		refuse_nul(s);
	len = without_cr(at, len);
	at[len] = '\0';
	*next = tk_words_payload(at, len) ? 0 : s->payload;
	if (*next == 0)
		ask_for_payload(s);
	return true;
}

/* Takes one line of the payload.  *next: what follows the last one, 0: it was not that.
 * False: it is not whole. */
static bool take_payload(struct session *s, size_t *next)
{
	size_t from = s->payload + s->payload_len;
	char *at = s->in + s->done + from;
	char *lf = memchr(at, '\n', s->in_len - s->done - from);
	size_t len;

	if (lf == NULL)
		return false;
	len = (size_t)(lf - at);
	if (memchr(at, '\0', len) != NULL)
		refuse_nul(s);
	*next = without_cr(at, len) == 0 ? from + len + 1 : 0;
	if (*next == 0) {
		s->payload_len += len + 1;
		ask_for_payload(s);
	}
	return true;
}

static void run_command(struct session *s, struct tk_words *words, struct tk_reply *r)
{
	char *at = s->in + s->done, *rest = at;

	if (tk_words_next(&rest, words) != 0)
		tk_reply_msg(r, TK_SEV_ERR, "Too many arguments. Commands must have at most %d "
					    "arguments.", TK_WORDS_MAX);
	else if (words->n > 0)
		tk_command_run(&s->who, words, words->payload ? at + s->payload : NULL,
			       s->payload_len, r);
	if (s->who.quit)
		return;
	tk_reply_frame(&s->out, r, s->who.severity);
	if (s->who.prompt)
		tk_reply_addn(&s->out, "> ", 2);
}

/* Runs the command whose end, payload and all, is `next`. */
static void run_whole(struct session *s, size_t next, int64_t now)
{
	struct tk_words words;
	struct tk_reply r;

	tk_reply_init(&r);
	run_command(s, &words, &r);
	s->over = s->who.quit || r.failed || s->out.failed;
	tk_reply_fini(&r);
	s->deadline = now + s->who.timeout;
	explicit_bzero(s->in + s->done, next);
	s->done += next;
	s->payload = 0;
	s->answered = true;
}

/* Takes the next command, or a line of its payload, and runs it when it is whole.  False:
 * nothing is, and there is nothing to say of it. */
static bool run_next(struct session *s, int64_t now)
{
	size_t next = 0;
	bool whole = s->payload == 0 ? take_command(s, &next) : take_payload(s, &next);

	s->unread = now;
	if (!whole && s->in_len - s->done == TK_LINE_MAX)
		refuse(s, TOO_BIG);
	if (whole && !s->over && next > 0)
		run_whole(s, next, now);
	return whole || s->over;
}

/* ---- input and output ---- */

enum input { SOME, NONE_NOW, ENDED };

/* What is done with makes room: the rest moves to the front. */
static void close_up(struct session *s)
{
	size_t left = s->in_len - s->done;

	if (s->done == 0)
		return;
	memmove(s->in, s->in + s->done, left);
	explicit_bzero(s->in + left, s->in_len - left);
	s->in_len = left;
	s->done = 0;
}

static enum input read_some(struct session *s, int64_t now)
{
	ssize_t n;

	close_up(s);
	n = recv(s->fd.num, s->in + s->in_len, TK_LINE_MAX - s->in_len, MSG_DONTWAIT);
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

/* Has all that came been answered?  A part of a command means that more is to come. */
static bool is_done(const struct session *s)
{
	return s->answered && !s->who.interactive && s->in_len == s->done;
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
	if (stands_back(s, now))
		return false;
	if (run_next(s, now))
		return true;
	switch (s->ended ? NONE_NOW : read_some(s, now)) {
	case SOME:
		return true;
	case NONE_NOW:
		*open = !s->ended && !is_done(s);
		return false;
	default:
		s->ended = true;
		return true;
	}
}

static bool serve(struct session *s, short revents, int64_t now)
{
	int64_t began = tk_monotonic_ms();
	unsigned turns = TURNS;
	bool open = true;

	if ((revents & (POLLERR | POLLNVAL)) != 0 || !tk_fd_stays(&s->fd))
		return false;
	if (revents != 0 || s->busy)
		while (turns > 0 && step(s, now, &open))
			turns = tk_monotonic_ms() - began < TURN_MS ? turns - 1 : 0;
	s->busy = turns == 0 || s->stands > 0;
	return open && now < deadline_of(s);
}

static void serve_one(struct session *s, short revents, int64_t now)
{
	if (!serve(s, revents, now))
		end(s);
}

void tk_session_open(struct tk_instance *inst, int fd, unsigned which, int64_t now)
{
	struct session *s = free_place();
	int64_t never = INT64_MAX;

	if (s == NULL && (s = gives_way(now, &never)) != NULL) {
		put_out++;
		drain(s);
		end(s);
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
