/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.c - owns the pointer to the one instance of the process and finds rings in
 * it.  Making it is attach's business, changing keys is ops'.
 */
#include "provider/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/log.h"

static struct tk_instance *_Atomic current;

struct tk_instance *tk_instance(void)
{
	/* pairs with the release in tk_instance_set */
	return atomic_load_explicit(&current, memory_order_acquire);
}

void tk_instance_set(struct tk_instance *inst)
{
	/* pairs with the acquire in tk_instance */
	atomic_store_explicit(&current, inst, memory_order_release);
}

bool tk_instance_lost(struct tk_instance *inst)
{
	if (tk_fd_ok(tk_board_fd(inst->board)))
		return false;
	if (!atomic_exchange_explicit(&inst->told_lost, true, memory_order_relaxed))
		tk_log(LOG_WARNING, "the server has closed descriptors that it does not know: keys "
				    "cannot be changed any more in process %d and its children",
		       (int)getpid());
	return true;
}

bool tk_instance_same_root(const struct tk_instance *inst)
{
	struct stat st;

	return stat("/", &st) == 0 && st.st_dev == inst->root_dev && st.st_ino == inst->root_ino;
}

int tk_instance_ring(const struct tk_instance *inst, const char *sni, size_t len)
{
	return tk_names_lookup(inst->names, sni, len);
}

static int ring_by_name(const struct tk_conf *conf, const char *word)
{
	for (unsigned i = 0; i < conf->ring_count; i++) {
		const struct tk_conf_ring *r = &conf->rings[i];

		if (strcmp(r->name, word) == 0 || (r->file != NULL && strcmp(r->file, word) == 0))
			return (int)i;
	}
	return TK_NO_RING;
}

/* As HAProxy reads it: strtol in base 10, nothing behind, and no digits at all is 0. */
static int ring_by_id(const struct tk_conf *conf, const char *digits)
{
	char *end;
	long id;

	errno = 0;
	id = strtol(digits, &end, 10);
	if (errno != 0 || *end != '\0' || id < 0 || id >= (long)conf->ring_count)
		return TK_NO_RING;
	return (int)id;
}

int tk_instance_ring_by_word(const struct tk_instance *inst, const char *word)
{
	int ring;

	if (*word == '#')
		return ring_by_id(inst->conf, word + 1);
	ring = ring_by_name(inst->conf, word);
	if (ring == TK_NO_RING && *word != '\0' && strspn(word, "0123456789") == strlen(word))
		ring = ring_by_id(inst->conf, word);
	return ring;
}
