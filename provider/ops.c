/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.c - owns the order of the writer's locks.  An operation is a function on a ring
 * by value; `change` copies the ring out, lets it work, and publishes the result.
 *
 * A new key's origin and zeroed counters are on the board before the key is published:
 * its cell was nobody's till then, so a writer killed in between has changed nothing.
 */
#include "provider/ops.h"

#include <string.h>
#include <unistd.h>

#include "common/random.h"
#include "core/weak.h"
#include "provider/clock.h"
#include "provider/counters.h"

#define LOCK_DEADLINE_MS 2000
#define NOTHING_TO_DO 1
#define FOLLOWS_S 10 /* in that time what another instance has saved is taken in, if it can be */

struct job {
	/* 0: publish; NOTHING_TO_DO; or an enum tk_err. */
	int (*fn)(struct tk_ring *ring, struct job *job);
	struct tk_instance *inst;
	unsigned ring;
	struct tk_origin origin;
	const struct tk_key *key;    /* set */
	const struct tk_ring *keys;  /* replace */
	const char *weak;            /* set */
	bool at_once;                /* or not at all: a handshake does not wait */
};

static int publish(const struct job *job, const struct tk_ring *ring, const struct tk_ring *before)
{
	struct tk_instance *inst = job->inst;
	int rc;

	pthread_mutex_lock(&inst->memory);
	for (unsigned i = 0; i < ring->slots; i++) {
		if (tk_ring_kept(ring, i, before))
			continue;
		tk_counters_reset(inst->board, job->ring, ring->cell[i]);
		tk_ringstate_set_origin(inst->board, job->ring, ring->cell[i], &job->origin);
	}
	rc = tk_vault_publish_locked(inst->vault, job->ring, ring);
	if (rc == 0)
		tk_board_rotated(inst->board, tk_now());
	pthread_mutex_unlock(&inst->memory);
	return rc;
}

static int change_locked(struct job *job, struct tk_changed *out)
{
	struct tk_ring ring, before;
	unsigned encrypt;
	int rc = tk_vault_read(job->inst->vault, job->ring, &before);

	if (rc != 0)
		return rc;
	ring = before;
	rc = job->fn(&ring, job);
	if (rc == 0)
		rc = publish(job, &ring, &before);
	if (rc >= 0) {
		encrypt = tk_ring_encrypt_slot(ring.slots);
		out->changed = rc == 0;
		out->slots = ring.slots;
		memcpy(out->newest, tk_key_name(&ring.key[ring.slots - 1]), TK_NAME_LEN);
		memcpy(out->encrypts, tk_key_name(&ring.key[encrypt]), TK_NAME_LEN);
	}
	tk_ring_wipe(&ring);
	tk_ring_wipe(&before);
	return rc < 0 ? rc : 0;
}

static int change(struct job *job, struct tk_changed *out)
{
	struct tk_instance *inst = job->inst;
	int rc;

	pthread_mutex_lock(&inst->writer);
	rc = tk_board_lock(inst->board, TK_LOCK_KEYS, job->at_once ? 0 : LOCK_DEADLINE_MS);
	if (rc == 0) {
		rc = change_locked(job, out);
		tk_board_unlock(inst->board, TK_LOCK_KEYS);
	}
	pthread_mutex_unlock(&inst->writer);
	return rc;
}

/* ---- the operations ---- */

static int put_key(struct tk_ring *ring, struct job *job)
{
	if (tk_key_equal(&ring->key[ring->slots - 1], job->key))
		return NOTHING_TO_DO;
	if (job->key->len != ring->key_len)
		return TK_E_SIZE;
	job->weak = tk_weak_in_ring(ring, job->key);
	return job->weak != NULL ? TK_E_WEAK : tk_ring_push(ring, job->key);
}

int tk_ops_set(struct tk_instance *inst, unsigned ring, const struct tk_key *key,
	       const struct tk_origin *o, struct tk_changed *out, const char **weak)
{
	struct job job = { .fn = put_key, .inst = inst, .ring = ring, .origin = *o, .key = key };
	int rc = change(&job, out);

	*weak = job.weak;
	return rc;
}

static int put_random(struct tk_ring *ring, struct job *job)
{
	struct tk_key key;
	int rc = tk_random_key(&key, ring->key_len);

	(void)job;
	if (rc == 0)
		rc = tk_ring_push(ring, &key);
	tk_key_wipe(&key);
	return rc;
}

int tk_ops_rotate(struct tk_instance *inst, unsigned ring, const struct tk_origin *o,
		  struct tk_changed *out)
{
	struct job job = { .fn = put_random, .inst = inst, .ring = ring, .origin = *o };

	return change(&job, out);
}

static int put_all_random(struct tk_ring *ring, struct job *job)
{
	int rc = 0;

	for (unsigned i = 0; i < ring->slots && rc == 0; i++)
		rc = put_random(ring, job);
	return rc;
}

int tk_ops_flush(struct tk_instance *inst, unsigned ring, const struct tk_origin *o,
		 struct tk_changed *out)
{
	struct job job = { .fn = put_all_random, .inst = inst, .ring = ring, .origin = *o };

	return change(&job, out);
}

static int put_ring(struct tk_ring *ring, struct job *job)
{
	struct tk_ring keys;
	bool same = true;

	if (job->keys->slots != ring->slots || job->keys->key_len != ring->key_len)
		return TK_E_SIZE;
	for (unsigned i = 0; i < ring->slots; i++)
		same &= tk_key_equal(&ring->key[i], &job->keys->key[i]);
	if (same)
		return NOTHING_TO_DO;
	keys = *job->keys;
	tk_ring_keep_cells(&keys, ring);
	*ring = keys;
	tk_ring_wipe(&keys);
	return 0;
}

int tk_ops_replace(struct tk_instance *inst, unsigned ring, const struct tk_ring *keys,
		   const struct tk_origin *o, struct tk_changed *out)
{
	struct job job = { .fn = put_ring, .inst = inst, .ring = ring, .origin = *o, .keys = keys };

	return change(&job, out);
}

/* ---- time ---- */

/* A clock that was put back must not leave keys that come from the future: they would not be
 * due until then. */
int64_t tk_ops_since(const struct tk_instance *inst, unsigned ring)
{
	struct tk_origin o = { 0 };
	int64_t now = tk_now();
	uint8_t cell;

	if (tk_vault_newest(inst->vault, ring, &cell) != 0)
		return 0;
	tk_ringstate_origin(inst->board, ring, cell, &o);
	if (o.added > now) {
		o.added = now;
		tk_ringstate_set_origin(inst->board, ring, cell, &o);
	}
	return o.added;
}

bool tk_ops_theirs(const struct tk_instance *inst, unsigned ring)
{
	return inst->conf->rings[ring].file != NULL && tk_board_beside(inst->board);
}

int64_t tk_ops_due(const struct tk_instance *inst, unsigned ring)
{
	int64_t period = inst->conf->rings[ring].rotate_every;

	/* Whose file it is rotates it, and we follow; unless nobody does. */
	if (period > 0 && tk_ops_theirs(inst, ring))
		period += period > FOLLOWS_S ? period : FOLLOWS_S;
	return period > 0 ? tk_ops_since(inst, ring) + period : 0;
}

static int put_random_if_due(struct tk_ring *ring, struct job *job)
{
	if (tk_ops_due(job->inst, job->ring) > job->origin.added)
		return TK_E_NOENT;
	return put_random(ring, job);
}

int tk_ops_rotate_due(struct tk_instance *inst, unsigned ring, bool at_once, struct tk_changed *out)
{
	struct job job = { .fn = put_random_if_due,
			   .at_once = at_once,
			   .inst = inst,
			   .ring = ring,
			   .origin = { .added = tk_now(), .by = TK_BY_TIMER } };

	return change(&job, out);
}

void tk_ops_record(const struct tk_instance *inst, unsigned ring, unsigned command,
		   const struct tk_changed *c, enum tk_event_result result)
{
	struct tk_event ev = {
		.time = tk_now(),
		.uid = geteuid(),
		.gid = getegid(),
		.pid = getpid(),
		.socket = TK_EVENT_NO_SOCKET,
		.command = command,
		.ring = ring,
		.result = result,
	};

	memcpy(ev.program, inst->program, sizeof(ev.program));
	if (c != NULL)
		memcpy(ev.name, c->newest, sizeof(ev.name));
	tk_events_add(inst->board, &ev);
}

const char *tk_ops_reason(int rc)
{
	switch (rc) {
	case TK_E_BUSY:
		return "another process of the server has been changing keys all the time, "
		       "try again";
	case TK_E_LAYOUT:
		return "the shared memory is damaged, restart the server";
	case TK_E_SIZE:
		return "the keys have not the ring's size";
	case TK_E_NOENT:
		return "the ring is gone";
	default:
		return "the system refused it";
	}
}
