/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring.c - owns the order of keys and the one piece of index arithmetic there is:
 * tk_ring_encrypt_slot.  Everything else asks that.  Gives keys their cells, which are
 * numbers to it.  Knows nothing of time, files and shared memory.
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

/* The first cell behind `from` that no key of r has. */
static uint8_t free_cell(const struct tk_ring *r, unsigned from)
{
	unsigned cells = TK_CELLS(r->slots);
	uint64_t taken = 0; /* TK_CELLS(TK_SLOTS_MAX) bits */

	for (unsigned i = 0; i < r->slots; i++)
		taken |= UINT64_C(1) << r->cell[i] % 64;
	do
		from = (from + 1) % cells;
	while (taken >> from & 1);
	return (uint8_t)from;
}

int tk_ring_push(struct tk_ring *r, const struct tk_key *k)
{
	struct tk_key newest; /* k may be one of the ring's own */
	uint8_t cell;

	if (k->len != r->key_len)
		return TK_E_SIZE;
	newest = *k;
	cell = free_cell(r, r->cell[r->slots - 1]);
	tk_key_wipe(&r->key[0]);
	memmove(&r->key[0], &r->key[1], (r->slots - 1) * sizeof(r->key[0]));
	memmove(&r->cell[0], &r->cell[1], r->slots - 1);
	r->key[r->slots - 1] = newest;
	r->cell[r->slots - 1] = cell;
	tk_key_wipe(&newest);
	return 0;
}

bool tk_ring_kept(const struct tk_ring *r, unsigned slot, const struct tk_ring *before)
{
	for (unsigned i = 0; i < before->slots; i++)
		if (before->cell[i] == r->cell[slot])
			return tk_key_equal(&before->key[i], &r->key[slot]);
	return false;
}

/* The same key twice has a cell for each, as far as there were two before. */
static int same_key(const struct tk_ring *before, const struct tk_key *k, uint64_t used)
{
	for (unsigned i = 0; i < before->slots; i++)
		if (!(used >> before->cell[i] & 1) && tk_key_equal(&before->key[i], k))
			return before->cell[i];
	return -1;
}

void tk_ring_keep_cells(struct tk_ring *r, const struct tk_ring *before)
{
	unsigned last = before->cell[before->slots - 1];
	uint64_t used = 0, resting = 0;
	int cell[TK_SLOTS_MAX];

	for (unsigned i = 0; i < r->slots; i++) {
		cell[i] = same_key(before, &r->key[i], used);
		if (cell[i] >= 0)
			used |= UINT64_C(1) << cell[i];
	}
	for (unsigned i = 0; i < before->slots; i++)
		resting |= UINT64_C(1) << before->cell[i];
	for (unsigned i = 0; i < r->slots; i++) {
		while (cell[i] < 0) {
			last = (last + 1) % TK_CELLS(r->slots);
			if (!((used | resting) >> last & 1))
				cell[i] = (int)last;
		}
		used |= UINT64_C(1) << cell[i];
		r->cell[i] = (uint8_t)cell[i];
	}
}

uint64_t tk_ring_sum(const struct tk_ring *r)
{
	uint64_t sum = 0xcbf29ce484222325U ^ r->slots, w;

	for (unsigned i = 0; i < r->slots; i++)
		for (size_t at = 0; at < TK_NAME_LEN; at += sizeof(w)) {
			memcpy(&w, tk_key_name(&r->key[i]) + at, sizeof(w));
			sum = (sum ^ w) * 0x9e3779b97f4a7c15U;
			sum ^= sum >> 29;
		}
	return sum != 0 ? sum : 1;
}

void tk_ring_wipe(struct tk_ring *r)
{
	explicit_bzero(r, sizeof(*r));
}
