/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - owns the log's descriptor and the form of a line.  Knows nothing of rings
 * or tickets.  A line is built on the stack and leaves in one system call.
 */
#include "provider/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "provider/signals.h"

#define LINE_MAX_LEN 1024

static struct tk_fd log_fd = { .num = -1 };
static enum tk_log_target target = TK_LOG_SYSLOG;
static int max_level = LOG_NOTICE;
static atomic_bool started;
static atomic_bool unheard; /* there was no syslogd for the last line */

static int connect_syslog(int fd)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };

	return connect(fd, (struct sockaddr *)&sa, sizeof(sa));
}

/* Without a syslogd it stays unconnected, and is tried again with each line. */
static int open_syslog(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd != -1)
		(void)connect_syslog(fd);
	return fd;
}

/* A syslogd that was started again has another socket under the same name.  False: there is
 * none. */
static bool to_syslog(const char *line, size_t len)
{
	if (!tk_fd_ok(&log_fd))
		return false;
	if (send(log_fd.num, line, len, MSG_DONTWAIT | MSG_NOSIGNAL) != -1 || errno == EAGAIN)
		return true;
	if (connect_syslog(log_fd.num) == -1)
		return false;
	(void)!send(log_fd.num, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return true;
}

static int open_target(const struct tk_conf *conf)
{
	switch (target) {
	case TK_LOG_SYSLOG:
		return open_syslog();
	case TK_LOG_FILE:
		return open(conf->log_file,
			    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	default:
		return -1;
	}
}

void tk_log_open(const struct tk_conf *conf)
{
	int fd, err = 0;

	target = conf != NULL ? conf->log_target : TK_LOG_SYSLOG;
	max_level = conf != NULL ? conf->log_level : LOG_NOTICE;
	tk_fd_close(&log_fd); /* before its number comes round again */
	fd = open_target(conf);
	if (fd == -1 && target == TK_LOG_FILE) {
		err = errno;
		target = TK_LOG_SYSLOG;
		fd = open_syslog();
	}
	if (fd != -1)
		tk_fd_adopt(&log_fd, fd);
	if (err != 0)
		tk_log(LOG_ERR, "%s: %s; logging to syslog instead", conf->log_file, strerror(err));
}

void tk_log_started(void)
{
	atomic_store_explicit(&started, true, memory_order_relaxed);
}

static bool is_started(void)
{
	return atomic_load_explicit(&started, memory_order_relaxed);
}

struct tk_fd tk_log_fd(void)
{
	return log_fd;
}

/* A write that cannot end the server. */
static void write_quietly(int fd, const char *line, size_t len)
{
	struct tk_signals signals;
	ssize_t n;

	tk_signals_hold(&signals);
	n = write(fd, line, len);
	(void)n;
	tk_signals_release(&signals);
}

/* stderr belongs to the server and may be a pipe that nobody reads: write only what
 * is sure to fit. */
static void to_stderr(const char *line, size_t len)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&p, 1, 0) == 1 && (p.revents & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT)
		write_quietly(STDERR_FILENO, line, len);
}

static void to_target(int priority, const char *text, size_t len)
{
	char line[LINE_MAX_LEN + 64];
	struct timespec now;
	int head;

	if (target == TK_LOG_SYSLOG)
		head = snprintf(line, sizeof(line), "<%d>tkprov[%d]: ", LOG_DAEMON | priority,
				(int)getpid());
	else {
		clock_gettime(CLOCK_REALTIME, &now);
		head = snprintf(line, sizeof(line), "%lld.%03ld tkprov[%d]: ", (long long)now.tv_sec,
				now.tv_nsec / 1000000, (int)getpid());
	}
	memcpy(line + head, text, len);
	len += (size_t)head;
	if (target != TK_LOG_SYSLOG)
		line[len++] = '\n';
	if (target == TK_LOG_STDERR)
		to_stderr(line, len);
	else if (target == TK_LOG_SYSLOG)
		atomic_store_explicit(&unheard, !to_syslog(line, len), memory_order_relaxed);
	else if (tk_fd_ok(&log_fd))
		write_quietly(log_fd.num, line, len);
}

static void plainly(const char *text)
{
	char line[LINE_MAX_LEN + 16];
	int n = snprintf(line, sizeof(line), "tkprov: %s\n", text);

	if (n > 0)
		to_stderr(line, (size_t)n);
}

/* Is a line that went to the log to be seen on stderr, too? */
static bool is_repeated(int priority)
{
	bool lost = atomic_load_explicit(&unheard, memory_order_relaxed);

	if (target == TK_LOG_STDERR || priority > LOG_WARNING || is_started())
		return false;
	return isatty(STDERR_FILENO) || (lost && priority <= LOG_ERR);
}

void tk_log_stderr(const char *fmt, ...)
{
	char text[LINE_MAX_LEN];
	va_list ap;

	if (target == TK_LOG_STDERR || is_repeated(LOG_ERR))
		return; /* tk_log has said it there */
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	plainly(text);
}

void tk_log(int priority, const char *fmt, ...)
{
	char text[LINE_MAX_LEN];
	int saved = errno;
	va_list ap;
	int n;

	if (priority > max_level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	to_target(priority, text, strlen(text));
	if (is_repeated(priority))
		plainly(text);
	errno = saved;
}
