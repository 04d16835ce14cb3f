/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.c - owns the order of keys and the one piece of index arithmetic there is:
 * tk_ring_encrypt_slot.  Everything else asks that.  Knows nothing of time, files
 * and shared memory.
 */
#include "core/ring.h"

#include <string.h>

#include "tkprov/err.h"

unsigned tk_ring_encrypt_slot(unsigned n)
{
	return n > 1 ? n - 2 : 0;
}

enum tk_slot_role tk_ring_role(unsigned n, unsigned slot)
{
	unsigned encrypt = tk_ring_encrypt_slot(n);

	if (slot == encrypt)
		return TK_ROLE_ENCRYPT;
	return slot > encrypt ? TK_ROLE_NEXT : TK_ROLE_DECRYPT;
}

bool tk_ring_wants_renewal(unsigned n, unsigned slot)
{
	return slot < tk_ring_encrypt_slot(n);
}

int tk_ring_push(struct tk_ring *r, const struct tk_key *k)
{
	struct tk_key newest; /* k may be one of the ring's own */

	if (k->len != r->key_len)
		return TK_E_SIZE;
	newest = *k;
	tk_key_wipe(&r->key[0]);
	memmove(&r->key[0], &r->key[1], (r->slots - 1) * sizeof(r->key[0]));
	r->key[r->slots - 1] = newest;
	tk_key_wipe(&newest);
	return 0;
}

int tk_ring_find(const struct tk_ring *r, const uint8_t name[static TK_NAME_LEN])
{
	for (unsigned i = 0; i < r->slots; i++)
		if (!memcmp(tk_key_name(&r->key[i]), name, TK_NAME_LEN))
			return (int)i;
	return -1;
}

void tk_ring_wipe(struct tk_ring *r)
{
	explicit_bzero(r, sizeof(*r));
}
