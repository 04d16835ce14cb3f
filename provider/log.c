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

#define LINE_MAX_LEN 1024

static struct tk_fd log_fd = TK_FD_NONE;
static enum tk_log_target target = TK_LOG_SYSLOG;
static int max_level = LOG_NOTICE;
static atomic_bool started;

static int open_syslog(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX, .sun_path = "/dev/log" };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd == -1)
		return -1;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

void tk_log_open(const struct tk_conf *conf)
{
	int fd = -1;

	target = conf->log_target;
	max_level = conf->log_level;
	if (target == TK_LOG_SYSLOG)
		fd = open_syslog();
	else if (target == TK_LOG_FILE)
		fd = open(conf->log_file,
			  O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
	tk_fd_close(&log_fd);
	if (fd != -1)
		tk_fd_adopt(&log_fd, fd);
}

void tk_log_started(void)
{
	atomic_store_explicit(&started, true, memory_order_relaxed);
}

struct tk_fd tk_log_fd(void)
{
	return log_fd;
}

/* stderr belongs to the server and may be a pipe that nobody reads: write only what
 * is sure to fit. */
static void to_stderr(const char *line, size_t len)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT))
		(void)!write(STDERR_FILENO, line, len);
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
	else if (tk_fd_ok(&log_fd) && target == TK_LOG_SYSLOG)
		(void)!send(log_fd.num, line, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else if (tk_fd_ok(&log_fd))
		(void)!write(log_fd.num, line, len);
}

static void to_terminal(const char *text)
{
	char line[LINE_MAX_LEN + 16];
	int n = snprintf(line, sizeof(line), "tkprov: %s\n", text);

	if (n > 0 && isatty(STDERR_FILENO))
		to_stderr(line, (size_t)n);
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
	if (target != TK_LOG_STDERR && priority <= LOG_WARNING &&
	    !atomic_load_explicit(&started, memory_order_relaxed))
		to_terminal(text);
	errno = saved;
}
