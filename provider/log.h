/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - what the module has to say: to syslog over a datagram socket of its own,
 * to a file, or to stderr.  Never libc's syslog(): that has the server's identity and
 * a lock that forked children inherit.
 *
 * A line is one non-blocking write; what does not fit is lost, nobody waits.  The
 * descriptor is checked to be still ours before each line, for a server may close what
 * it does not know.
 *
 * Locks: none.  Fork/threads: any thread; children use what they inherited.
 */
#ifndef TK_LOG_H
#define TK_LOG_H

#include <syslog.h>

#include "common/conf.h"
#include "provider/fds.h"

/* Opens what conf names, or syslog (conf NULL); called by attach.  A file that cannot be
 * opened is said to syslog, where the other lines go then, too. */
void tk_log_open(const struct tk_conf *conf);

/* The start is over: from now on nothing is repeated on stderr. */
void tk_log_started(void);

/* priority: LOG_ERR to LOG_DEBUG.  Until tk_log_started, warnings and errors are
 * repeated on stderr while that is a terminal, and errors where they should go to
 * syslog and there is none.  Never with key bytes. */
void tk_log(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* On stderr, terminal or not: for what a process says before it ends itself. */
void tk_log_stderr(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The descriptor, for the control thread, which keeps it; num is -1 if there is none. */
struct tk_fd tk_log_fd(void);

#endif
