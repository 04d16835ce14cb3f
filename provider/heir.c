/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heir.c - owns the decision to take the instance's socket over, and what follows from it: key
 * files become this instance's to write, with the keys that they hold by then.
 *
 * As long as they are another's they are followed: what it saves is taken in.
 *
 * A look at the path is a connection that whoever lives there has to accept, so it comes last,
 * from one process at a time, and never from one whose own instance is known to listen.
 */
#include "provider/heir.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "provider/clock.h"
#include "provider/join.h"
#include "provider/log.h"
#include "provider/ops.h"
#include "provider/save.h"

/* ---- files ---- */

/* What a file held is part of the ring's story: by it tkctl knows a file that was left
 * behind from one that somebody else has written. */
static void tell_of(const struct tk_instance *inst, unsigned id)
{
	const char *file = inst->conf->rings[id].file;
	struct tk_changed c;
	struct tk_ring ring;
	struct stat st;

	if (file == NULL || tk_vault_read(inst->vault, id, &ring) != 0)
		return;
	memcpy(c.newest, tk_key_name(&ring.key[ring.slots - 1]), sizeof(c.newest));
	tk_ops_record(inst, id, TK_EVENT_START, &c, TK_EVENT_OK);
	if (ring.key_len == TK_KEY_128_LEN)
		tk_log(LOG_WARNING, "'%s' has keys of 48 bytes, for AES-128: 80 bytes are better",
		       file);
	if (stat(file, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		tk_log(LOG_WARNING, "'%s' can be read by others than its owner and group", file);
	tk_ring_wipe(&ring);
}

void tk_heir_files(struct tk_instance *inst)
{
	tk_save_open(inst);
	for (unsigned i = 0; i < inst->conf->ring_count && !tk_board_beside(inst->board); i++)
		tell_of(inst, i);
}

/* As at a start the file says what the keys are: whoever had it may have changed it. */
static void take_files(struct tk_instance *inst)
{
	struct tk_origin o = { .added = tk_now(), .by = TK_BY_FILE };
	struct tk_changed c;
	struct tk_error e;
	bool saved;

	for (unsigned i = 0; i < inst->conf->ring_count; i++)
		if (tk_ops_theirs(inst, i) && tk_save_reload(inst, i, &o, &c, &saved, &e) != 0)
			tk_log(LOG_ERR, "%s; the keys stay as they are", e.text);
	tk_board_set_beside(inst->board, false); /* last: till then no timer changes what is read */
	tk_heir_files(inst);
}

/* As long as another instance has them, its files say what its commands and timers do: a key that
 * was flushed there is to be gone here, too.  A file that cannot be read is no news. */
static void follow_files(struct tk_instance *inst)
{
	struct tk_origin o = { .added = tk_now(), .by = TK_BY_FILE };
	char hex[TK_NAME_HEX + 1];
	struct tk_changed c;
	struct tk_error e;
	bool saved;

	for (unsigned i = 0; i < inst->conf->ring_count; i++) {
		if (!tk_ops_theirs(inst, i) || tk_save_reload(inst, i, &o, &c, &saved, &e) != 0 ||
		    !c.changed)
			continue;
		tk_key_name_hex(c.newest, hex);
		tk_log(LOG_NOTICE, "ring %u (%s): as its file is now, newest is %s", i,
		       inst->conf->rings[i].name, hex);
	}
}

/* ---- the socket ---- */

static bool listens(const struct tk_process *p, void *arg)
{
	bool *found = arg;

	*found = (p->does & TK_DOES_LISTEN) != 0;
	return !*found;
}

/* Is it for this process to look, and now? */
static bool is_our_turn(struct tk_instance *inst, bool first, int64_t now)
{
	bool found = false;

	if (!first || tk_instance_lost(inst))
		return false;
	tk_board_each(inst->board, listens, &found);
	return !found && tk_board_turn(inst->board, now, TK_HEIR_EVERY_MS);
}

bool tk_heir_look(struct tk_instance *inst, bool first, int64_t now, int64_t *again)
{
	const char *path = inst->conf->sockets[0].path;
	bool beside = tk_board_beside(inst->board);

	*again = now + TK_HEIR_EVERY_MS;
	if (!is_our_turn(inst, first, now))
		return false;
	if (beside)
		follow_files(inst);
	if (!tk_instance_same_root(inst))
		return false;
	switch (tk_join_again(inst)) {
	case TK_JOIN_OURS:
		tk_log(LOG_NOTICE, "%s: nobody answered there any more; answering now%s", path,
		       beside ? ", and saving keys" : "");
		if (beside)
			take_files(inst);
		return true;
	case TK_JOIN_THEIRS:
		if (beside)
			return false;
		tk_board_set_beside(inst->board, true);
		tk_log(LOG_WARNING, "%s: another instance has taken this socket; key files are "
				    "left to it", path);
		follow_files(inst); /* before a timer asks */
		return false;
	default:
		*again += TK_HEIR_EVERY_MS; /* others may have the right to */
		return false;
	}
}
