/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - tkprov.conf, read whole and checked whole.
 *
 * Unknown options, wrong types, values out of range, doubled names and files are
 * errors: `FILE:LINE: what is wrong, and what would be right`.  What comes out
 * needs no further check.
 *
 * Threads: none of its own; libconfig and getpwnam_r/getgrnam_r allocate.
 */
#ifndef TK_CONF_H
#define TK_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/commands.h" /* enum tk_level */
#include "core/tag.h"      /* enum tk_scope */
#include "tkprov/err.h"
#include "tkprov/limits.h"

struct tk_conf_socket {
	char *path;          /* absolute, at most TK_SOCKET_PATH_MAX */
	mode_t mode;         /* default 0600; written as a string, "0660" */
	uid_t uid;           /* (uid_t)-1: leave as it is */
	gid_t gid;           /* (gid_t)-1: leave as it is */
	enum tk_level level; /* default admin */
};

struct tk_conf_ring {
	char *name;          /* the file unless given; never NULL */
	char *file;          /* NULL: lives in memory */
	unsigned slots;      /* 1 to 32, default 3 */
	enum tk_scope scope; /* default auto */
	char **server_names; /* checked by tk_names; none: the ring for every other name */
	unsigned server_name_count;
	bool persist;        /* default true where there is a file; false without one */
	int64_t rotate_every; /* seconds, 0: not by itself; default 0, in memory 12 h */
};

enum tk_on_error { TK_ON_ERROR_NO_TICKETS, TK_ON_ERROR_BUILTIN, TK_ON_ERROR_ABORT };
enum tk_vault_kind { TK_VAULT_AUTO, TK_VAULT_SECRET, TK_VAULT_MEMFD };

enum tk_log_target { TK_LOG_SYSLOG, TK_LOG_STDERR, TK_LOG_FILE };

struct tk_conf {
	char *path;          /* the file it came from; NULL: built-in defaults */
	struct tk_conf_socket *sockets; /* at least one; the first names the instance */
	unsigned socket_count;
	struct tk_conf_ring *rings;     /* at least one; ids follow this order */
	unsigned ring_count;
	enum tk_on_error on_error; /* default no-tickets */
	bool takeover;       /* default true */
	enum tk_vault_kind vault; /* default auto */
	bool control_thread; /* default true */
	int64_t max_session_age; /* seconds, default 24 h */
	int64_t max_key_age; /* seconds that a key may encrypt, default 24 h */
	bool stop_issuing;   /* no tickets under a key that is older; default: only a warning */
	char **programs;     /* base names; none: every program */
	unsigned program_count;
	enum tk_log_target log_target; /* default syslog */
	char *log_file;      /* absolute; with TK_LOG_FILE */
	int log_level;       /* LOG_ERR, LOG_WARNING, LOG_NOTICE (default), LOG_INFO, LOG_DEBUG */
};

/* Reads `path`.  NULL: SYSCONFDIR/tkprov/tkprov.conf if there is one, else the
 * built-in defaults (one ring `default` of three keys in memory, socket
 * RUNSTATEDIR/tkprov/tkprov.sock).  A path that was named but is missing is an
 * error.  A list `sockets` or `rings` that is absent or empty means the default one.
 * *ahead (may be NULL) is NULL unless something is wrong.  Then it has what the file says all
 * the same of on_error, programs and log, each for itself (its default where it is wrong, is in
 * the same setting as a mistake of the grammar, or behind one that has no end), and nothing
 * else; the caller's to free.
 * NULL also when out of memory.
 * Returns 0, TK_E_NOENT, TK_E_SYS, TK_E_PARSE, TK_E_RANGE or TK_E_NOMEM; *out is
 * NULL then. */
int tk_conf_load(struct tk_conf **out, const char *path, struct tk_conf **ahead,
		 struct tk_error *e);

void tk_conf_free(struct tk_conf **conf);

#endif
