/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.c - owns the thread, its poll loop, and who answers first.
 *
 * All processes of an instance wait on the one listening socket.  One with the
 * creator's effective uid accepts at once (a forked one when it has lived for 300 ms:
 * it may be about to exec or to drop its rights); any other takes only what has waited
 * for 300 ms, unless no process of the creator's uid is left.  So where only a chrooted
 * worker has the module, it answers.
 */
#include "provider/control.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "provider/clock.h"
#include "provider/heir.h"
#include "provider/log.h"
#include "provider/session.h"
#include "provider/timer.h"

#define STACK_SIZE (256 * 1024)
#define YIELD_MS 300
#define START_WAIT_S 1
#define NO_FDS_PAUSE_MS 500

struct listener {
	const struct tk_fd *fd; /* NULL: not ours, or gone */
	int64_t seen;      /* a connection has waited since, 0: none */
	uint32_t accepts;  /* how many had been taken by then */
	int64_t paused;    /* no descriptors: look again then */
};

static struct {
	struct tk_instance *inst;
	int64_t born;      /* monotonic ms */
	bool forked;
	int64_t timer;     /* when to look at the timers, seconds since the epoch */
	bool beside;       /* as it was then */
	int64_t look;      /* when to look after a socket, if there is none */
	unsigned turn;     /* the listener that comes first next time */
	sem_t standing;
	unsigned does;     /* as entered on the board */
	bool lost;         /* the board's descriptor: no key can be changed */
	struct listener listener[TK_SOCKETS_MAX];
} self;

struct search {
	unsigned does;
	bool found;
};

static bool is_creators(const struct tk_process *p, void *arg)
{
	struct search *s = arg;

	s->found = p->euid == tk_board_creator(self.inst->board) && p->pid != getpid() &&
		   (p->does & s->does) == s->does;
	return !s->found;
}

/* Is there a living process of the creator's uid that does this? */
static bool creators_live(unsigned does)
{
	struct search s = { .does = does, .found = false };

	tk_board_each(self.inst->board, is_creators, &s);
	return s.found;
}

/* How long a connection must have waited before this process may take it. */
static int64_t patience(int64_t now)
{
	tk_board_uids(self.inst->board);
	if (geteuid() == tk_board_creator(self.inst->board)) {
		if (!self.forked || now - self.born >= YIELD_MS)
			return 0;
		return YIELD_MS - (now - self.born);
	}
	return creators_live(TK_DOES_LISTEN) ? YIELD_MS : 0;
}

/* One at a time: if there are more, poll says so. */
static void accept_from(struct listener *l, unsigned which, int64_t now)
{
	int64_t never = INT64_MAX;
	int fd;

	l->seen = 0;
	if (!tk_session_room(now, &never))
		return;
	fd = accept4(l->fd->num, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	self.turn = which + 1;
	if (fd != -1) {
		tk_board_accept(self.inst->board);
		tk_session_open(self.inst, fd, which, now);
	}
	else if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		l->paused = now + NO_FDS_PAUSE_MS;
}

static void listener_ready(struct listener *l, unsigned which, int64_t now)
{
	uint32_t accepts = tk_board_accepts(self.inst->board);
	int64_t wait = patience(now);

	/* Whatever waits now is not what waited before if somebody has taken one meanwhile. */
	if (l->seen == 0 || l->accepts != accepts)
		l->seen = now;
	l->accepts = accepts;
	if (now - l->seen >= wait)
		accept_from(l, which, now);
	else
		l->paused = l->seen + wait;
}

static void listener_polled(struct listener *l, unsigned which, short revents, int64_t now)
{
	if (!tk_fd_stays(l->fd) || (revents & (POLLNVAL | POLLERR | POLLHUP)))
		l->fd = NULL;
	else if (revents & POLLIN)
		listener_ready(l, which, now);
	else
		l->seen = 0; /* somebody else took it */
}

/* Fills p with the listeners that may be asked now; returns how many, and moves
 * *wake forward to the time of the first that may not. */
static nfds_t poll_listeners(struct pollfd *p, unsigned *which, int64_t now, int64_t *wake)
{
	nfds_t n = 0;

	if (!tk_session_room(now, wake))
		return 0;
	for (unsigned i = 0; i < self.inst->conf->socket_count; i++) {
		struct listener *l = &self.listener[i];

		/* In a table that is the server's, too, the number may be another's by now. */
		if (l->fd != NULL && !tk_fd_stays(l->fd))
			l->fd = NULL;
		if (l->fd == NULL)
			continue;
		if (l->paused > now) {
			*wake = l->paused < *wake ? l->paused : *wake;
			continue;
		}
		which[n] = i;
		p[n++] = (struct pollfd){ .fd = l->fd->num, .events = POLLIN };
	}
	return n;
}

/* Runs what is due and brings *wake forward to the next time. */
static void keep_time(int64_t *wake, int64_t now_ms)
{
	int64_t now = tk_now();
	bool beside = tk_board_beside(self.inst->board);

	if (beside != self.beside)
		self.timer = 0; /* what was not ours to rotate may be due */
	self.beside = beside;
	if (now >= self.timer || self.timer - now > TK_TIMER_LONGEST_S)
		self.timer = tk_timer_run(self.inst, now,
					  geteuid() != tk_board_creator(self.inst->board) &&
						  creators_live(TK_DOES_TIME));
	if (now_ms + (self.timer - now) * 1000 < *wake)
		*wake = now_ms + (self.timer - now) * 1000;
}

static void take_listeners(void)
{
	for (unsigned i = 0; i < TK_SOCKETS_MAX; i++) {
		const struct tk_fd *fd = &self.inst->listeners[i];
		bool ours = i < self.inst->conf->socket_count && tk_fd_ok(fd);

		self.listener[i] = (struct listener){ .fd = ours ? fd : NULL };
	}
}

/* A process without the socket brings *wake forward to its next look for it. */
static void keep_socket(int64_t *wake, int64_t now)
{
	bool first;

	if (self.listener[0].fd != NULL)
		return;
	if (now >= self.look) {
		first = geteuid() == tk_board_creator(self.inst->board) ||
			!creators_live(TK_DOES_TIME);
		if (tk_heir_look(self.inst, first, now, &self.look))
			take_listeners();
	}
	if (self.look < *wake)
		*wake = self.look;
}

static int timeout_until(int64_t wake, int64_t now)
{
	if (wake == INT64_MAX)
		return -1;
	if (wake <= now)
		return 0;
	return wake - now > INT_MAX ? INT_MAX : (int)(wake - now);
}

static void rest(void)
{
	struct timespec ts = { .tv_nsec = NO_FDS_PAUSE_MS * 1000000L };

	(void)nanosleep(&ts, NULL);
}

/* Enters what has changed since it was last asked. */
static void tell_others(void)
{
	unsigned does = (self.lost ? 0 : TK_DOES_TIME) |
			(self.listener[0].fd != NULL ? TK_DOES_LISTEN : 0);

	if (does != self.does)
		tk_board_does(self.inst->board, does);
	self.does = does;
}

/* The listeners take turns at being first: where there is one place at a time, whoever fills a
 * socket's backlog keeps nobody out of another. */
static void serve_once(void)
{
	struct pollfd p[TK_SOCKETS_MAX + TK_SESSIONS_MAX];
	unsigned which[TK_SOCKETS_MAX];
	int64_t now = tk_monotonic_ms(), wake = INT64_MAX;
	nfds_t listeners, sessions, first = 0;

	keep_socket(&wake, now);
	listeners = poll_listeners(p, which, now, &wake);
	sessions = tk_session_poll(p + listeners, &wake);
	tell_others();
	keep_time(&wake, now);
	if (poll(p, listeners + sessions, timeout_until(wake, now)) == -1) {
		if (errno != EINTR)
			rest(); /* a server may lower RLIMIT_NOFILE below what poll takes */
		return;
	}
	now = tk_monotonic_ms();
	tk_session_serve(p + listeners, sessions, now);
	while (first < listeners && which[first] < self.turn)
		first++;
	for (nfds_t i = 0; i < listeners; i++) {
		nfds_t at = (first + i) % listeners;

		listener_polled(&self.listener[which[at]], which[at], p[at].revents, now);
	}
}

static void keep_fd(int *keep, size_t *n, const struct tk_fd *fd)
{
	if (tk_fd_ok(fd))
		keep[(*n)++] = fd->num;
}

/* In a table of the thread's own.  A server that closed what it does not know has closed the log
 * in its children, too: it is opened anew, here, where it is in nobody's way. */
static void settle(void)
{
	const struct tk_conf *conf = self.inst->conf;
	struct tk_fd log_fd = tk_log_fd();

	if (!tk_fd_ok(&log_fd) &&
	    (conf->log_target != TK_LOG_FILE || tk_instance_same_root(self.inst)))
		tk_log_open(conf);
	tk_board_guard(self.inst->board);
}

/* Where unshare is not allowed, or without memory for the list, the thread stays in the
 * server's table; and where it writes to stderr, which is the server's to close: holding
 * it here would keep a pipe open that somebody reads to its end. */
static void own_descriptors(void)
{
	struct tk_instance *inst = self.inst;
	const struct tk_conf *conf = inst->conf;
	struct tk_fd log_fd = tk_log_fd();
	int *keep = calloc(TK_SOCKETS_MAX + 3 + conf->ring_count, sizeof(*keep));
	size_t n = 0;

	if (keep == NULL || conf->log_target == TK_LOG_STDERR) {
		free(keep);
		return;
	}
	for (unsigned i = 0; i < conf->socket_count; i++)
		keep_fd(keep, &n, &inst->listeners[i]);
	for (unsigned i = 0; i < conf->ring_count; i++)
		keep_fd(keep, &n, &inst->files[i]);
	keep_fd(keep, &n, tk_board_fd(inst->board));
	keep_fd(keep, &n, &log_fd);
	if (tk_fds_unshare(keep, n))
		settle();
	free(keep);
}

static void *control_main(void *arg)
{
	(void)arg;
	(void)prctl(PR_SET_NAME, "tkprov");
	own_descriptors();
	take_listeners(); /* as they stand in its table: see tk_fd_stays */
	self.lost = tk_instance_lost(self.inst);
	sem_post(&self.standing);
	for (;;)
		serve_once();
	return NULL;
}

static int create_thread(void)
{
	pthread_attr_t attr;
	sigset_t all, before;
	pthread_t thread;
	int rc;

	rc = pthread_attr_init(&attr);
	if (rc != 0)
		return rc;
	(void)pthread_attr_setstacksize(&attr, STACK_SIZE);
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread, &attr, control_main, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return rc;
}

static void wait_until_standing(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += START_WAIT_S;
	while (sem_timedwait(&self.standing, &end) == -1 && errno == EINTR)
		;
}

int tk_control_start(struct tk_instance *inst, bool forked)
{
	int rc;

	atomic_store_explicit(&inst->keeps_time, false, memory_order_relaxed);
	if (!inst->conf->control_thread)
		return TK_E_NOENT;
	tk_session_forget();
	memset(&self, 0, sizeof(self));
	self.inst = inst;
	self.born = tk_monotonic_ms();
	self.look = self.born + TK_HEIR_EVERY_MS;
	self.forked = forked;
	sem_init(&self.standing, 0, 0);
	rc = create_thread();
	if (rc != 0) {
		tk_log(LOG_WARNING, "no control thread in process %d: %s", (int)getpid(),
		       strerror(rc));
		return TK_E_SYS;
	}
	atomic_store_explicit(&inst->keeps_time, true, memory_order_relaxed);
	wait_until_standing();
	return 0;
}
