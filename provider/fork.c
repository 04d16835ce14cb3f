/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.c - owns the pthread_atfork handlers.  prepare takes only locks that are held for
 * moments: contexts, then memory.  The writer mutex and the record lock may be waited for
 * and are therefore not among them; the child makes the mutex anew.
 */
#include "provider/fork.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>

#include "provider/contexts.h"
#include "provider/control.h"
#include "provider/epoch.h"
#include "provider/instance.h"
#include "provider/save.h"
#include "provider/join.h"

static void (*_Atomic also_in_child)(void); /* the same for all who set it */

/* Whose memory mutex prepare has taken: another thread may be attaching meanwhile.
 * Guarded by the contexts' lock. */
static struct tk_instance *taken;

static void prepare(void)
{
	tk_contexts_lock();
	taken = tk_instance();
	if (taken != NULL)
		pthread_mutex_lock(&taken->memory);
}

static void parent(void)
{
	if (taken != NULL)
		pthread_mutex_unlock(&taken->memory);
	tk_contexts_unlock();
}

/* Contexts are inherited, the place on the board is new. */
static void enter_child(struct tk_instance *inst)
{
	tk_board_register(inst->board, TK_PROC_FORKED, inst->program);
	tk_contexts_tell(inst->board);
}

static void child(void)
{
	struct tk_instance *inst = tk_instance();
	int saved = errno;

	also_in_child();
	tk_epoch_forked();
	tk_contexts_forked();
	if (inst != NULL) {
		pthread_mutex_init(&inst->memory, NULL);
		pthread_mutex_init(&inst->writer, NULL);
		tk_vault_forked(inst->vault);
		enter_child(inst);
		tk_save_forked(inst);
		/* Open here it would look as if somebody answered. */
		if (tk_control_start(inst, true) != 0)
			tk_join_leave(inst, false);
	}
	errno = saved;
}

static void watch(void)
{
	(void)pthread_atfork(prepare, parent, child);
}

void tk_fork_watch(void (*in_child)(void))
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	also_in_child = in_child;
	pthread_once(&once, watch);
}
