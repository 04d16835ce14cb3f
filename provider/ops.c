/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.c - owns the order of the writer's locks.  An operation is a function on a ring
 * by value; `change` copies the ring out, lets it work, and publishes the result.
 */
#include "provider/ops.h"

#include <string.h>

#include "provider/rand.h"

#define LOCK_DEADLINE_MS 2000

/* 0: publish; 1: nothing changed; or an enum tk_err. */
typedef int change_fn(struct tk_ring *ring, void *arg);

static int publish(struct tk_instance *inst, unsigned id, const struct tk_ring *ring)
{
	int rc;

	pthread_mutex_lock(&inst->memory);
	rc = tk_vault_publish_locked(inst->vault, id, ring);
	if (rc == 0)
		tk_board_rotated(inst->board, tk_now());
	pthread_mutex_unlock(&inst->memory);
	return rc;
}

static int change(struct tk_instance *inst, unsigned id, change_fn *fn, void *arg)
{
	struct tk_ring ring;
	int rc;

	pthread_mutex_lock(&inst->writer);
	rc = tk_board_lock(inst->board, LOCK_DEADLINE_MS);
	if (rc != 0)
		goto out;
	rc = tk_vault_read(inst->vault, id, &ring);
	if (rc == 0)
		rc = fn(&ring, arg);
	if (rc == 0)
		rc = publish(inst, id, &ring);
	tk_board_unlock(inst->board);
	tk_ring_wipe(&ring);
out:
	pthread_mutex_unlock(&inst->writer);
	return rc < 0 ? rc : 0;
}

static int put_newest(struct tk_ring *ring, void *arg)
{
	const struct tk_key *key = arg;

	if (tk_key_equal(&ring->key[ring->slots - 1], key))
		return 1;
	return tk_ring_push(ring, key);
}

int tk_ops_set(struct tk_instance *inst, unsigned ring, const struct tk_key *key)
{
	struct tk_key copy = *key;
	int rc = change(inst, ring, put_newest, &copy);

	tk_key_wipe(&copy);
	return rc;
}

struct rotation {
	unsigned *slots;
	uint8_t *newest, *encrypts;
};

static int put_random(struct tk_ring *ring, void *arg)
{
	struct rotation *r = arg;
	struct tk_key key;
	int rc = tk_random_key(&key, ring->key_len);

	if (rc == 0)
		rc = tk_ring_push(ring, &key);
	if (rc == 0) {
		*r->slots = ring->slots;
		memcpy(r->newest, tk_key_name(&key), TK_NAME_LEN);
		memcpy(r->encrypts, tk_key_name(&ring->key[tk_ring_encrypt_slot(ring->slots)]),
		       TK_NAME_LEN);
	}
	tk_key_wipe(&key);
	return rc;
}

int tk_ops_rotate(struct tk_instance *inst, unsigned ring, unsigned *slots,
		  uint8_t newest[static TK_NAME_LEN], uint8_t encrypts[static TK_NAME_LEN])
{
	struct rotation r = { .slots = slots, .newest = newest, .encrypts = encrypts };

	return change(inst, ring, put_random, &r);
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
		return "the key has not the ring's size";
	case TK_E_NOENT:
		return "the ring is gone";
	default:
		return "the system refused it";
	}
}
