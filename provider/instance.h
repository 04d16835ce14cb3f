/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.h - the rings that all processes of one server share, as one process has
 * them: configuration, names, vault, board, and the locks of a writer.
 *
 * Made once by attach and never freed; children have it by fork.
 *
 * Lock order: record lock for files -> writer -> record lock for keys -> memory.  The writer mutex is private to
 * the process and is made anew in a forked child.  The memory mutex covers copying and
 * publishing only, never a wait, a socket, a file or a log line: the fork handler takes it.
 */
#ifndef TK_INSTANCE_H
#define TK_INSTANCE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/conf.h"
#include "core/names.h"
#include "provider/board.h"
#include "provider/fds.h"
#include "provider/vault.h"

struct tk_instance {
	struct tk_conf *conf;
	struct tk_names *names;  /* read-only once made */
	struct tk_vault *vault;
	struct tk_board *board;
	struct tk_fd listeners[TK_SOCKETS_MAX]; /* beside conf->sockets; num -1: not ours */
	atomic_bool keeps_time;  /* a control thread of this process does, and answers */
	struct tk_fd *files;     /* beside conf->rings; num -1: not open */
	atomic_bool told_lost;   /* see tk_instance_lost */
	dev_t root_dev;          /* of / when the instance was made: */
	ino_t root_ino;          /* elsewhere, paths mean something else */
	char program[TK_PROGRAM_LEN];
	const char *openssl_built;
	const char *openssl_running; /* asked once: control threads never call libcrypto */
	pthread_mutex_t writer;
	pthread_mutex_t memory;
};

/* The process's instance, or NULL before attach and where attaching failed. */
struct tk_instance *tk_instance(void);

/* For attach: this is it from now on. */
void tk_instance_set(struct tk_instance *inst);

/* Has the server closed the board's descriptor?  Then no key can be changed in this process any
 * more, which is logged, once. */
bool tk_instance_lost(struct tk_instance *inst);

/* Do paths mean what they meant to the configuration? */
bool tk_instance_same_root(const struct tk_instance *inst);

/* The ring for a server name, or TK_NO_RING. */
int tk_instance_ring(const struct tk_instance *inst, const char *sni, size_t len);

/* The ring that a command's word means: `#ID` (HAProxy's rules), a ring's name or file,
 * or a bare number where no ring is called so.  TK_NO_RING if there is none. */
int tk_instance_ring_by_word(const struct tk_instance *inst, const char *word);

#endif
