/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_ring.c - the order of keys for every number of slots, pushed far past the end;
 * which slot encrypts, what a slot is for, what is renewed.
 *
 * HAProxy's ring was wrong twice: with more than three lines in the file the encrypting
 * slot pointed past the end, and 48-byte keys were laid out with the stride of 80.
 */
#include "tests/unit/unit.h"

#include "core/ring.h"
#include "tkprov/err.h"

static const size_t lens[] = { 48, 80 };

static struct tk_key make_key(unsigned id, size_t len)
{
	struct tk_key k = { .len = len };

	for (size_t i = 0; i < len; i++)
		k.bytes[i] = (uint8_t)(id * 7 + i * 3 + 1);
	k.bytes[0] = (uint8_t)id;
	k.bytes[1] = (uint8_t)(id >> 8);
	return k;
}

static void make_ring(struct tk_ring *r, unsigned n, size_t len)
{
	memset(r, 0, sizeof(*r));
	r->slots = n;
	r->key_len = len;
	for (unsigned i = 0; i < n; i++)
		r->key[i] = make_key(i, len);
}

static void roles(void)
{
	static const struct {
		unsigned n, slot;
		enum tk_slot_role role;
		bool renew;
	} rows[] = {
		{ 1, 0, TK_ROLE_ENCRYPT, false },  { 2, 0, TK_ROLE_ENCRYPT, false },
		{ 2, 1, TK_ROLE_NEXT, false },	   { 3, 0, TK_ROLE_DECRYPT, true },
		{ 3, 1, TK_ROLE_ENCRYPT, false },  { 3, 2, TK_ROLE_NEXT, false },
		{ 4, 1, TK_ROLE_DECRYPT, true },   { 4, 2, TK_ROLE_ENCRYPT, false },
		{ 32, 0, TK_ROLE_DECRYPT, true },  { 32, 29, TK_ROLE_DECRYPT, true },
		{ 32, 30, TK_ROLE_ENCRYPT, false }, { 32, 31, TK_ROLE_NEXT, false },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		CHECK(tk_ring_role(rows[i].n, rows[i].slot) == rows[i].role, "slot %u of %u",
		      rows[i].slot, rows[i].n);
		CHECK(tk_ring_wants_renewal(rows[i].n, rows[i].slot) == rows[i].renew,
		      "slot %u of %u", rows[i].slot, rows[i].n);
	}
}

/* One slot encrypts, it is inside, at most one is next, the rest are older. */
static void roles_of_all(void)
{
	for (unsigned n = TK_SLOTS_MIN; n <= TK_SLOTS_MAX; n++) {
		unsigned count[3] = { 0 };

		for (unsigned slot = 0; slot < n; slot++) {
			enum tk_slot_role role = tk_ring_role(n, slot);

			count[role]++;
			CHECK((role == TK_ROLE_ENCRYPT) == (slot == tk_ring_encrypt_slot(n)),
			      "slot %u of %u", slot, n);
			CHECK(tk_ring_wants_renewal(n, slot) == (role == TK_ROLE_DECRYPT),
			      "slot %u of %u", slot, n);
		}
		CHECK(tk_ring_encrypt_slot(n) == (n == 1 ? 0 : n - 2), "%u slots", n);
		CHECK(count[TK_ROLE_ENCRYPT] == 1, "%u slots", n);
		CHECK(count[TK_ROLE_NEXT] == (n == 1 ? 0U : 1U), "%u slots", n);
	}
}

static void push_one_ring(unsigned n, size_t len)
{
	static const uint8_t guard[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct {
		struct tk_ring r;
		uint8_t guard[16];
	} box;

	make_ring(&box.r, n, len);
	memcpy(box.guard, guard, sizeof(guard));
	for (unsigned id = n; id < n + 3 * TK_SLOTS_MAX; id++) {
		struct tk_key k = make_key(id, len);

		CHECK(tk_ring_push(&box.r, &k) == 0, "%u slots, key %u", n, id);
		for (unsigned slot = 0; slot < n; slot++) {
			struct tk_key want = make_key(id - n + 1 + slot, len);

			CHECK(tk_key_equal(&box.r.key[slot], &want), "%u slots, key %u, slot %u",
			      n, id, slot);
		}
		/* what was "next" encrypts now; the oldest is gone */
		k = make_key(n == 1 ? id : id - 1, len);
		CHECK(tk_key_equal(&box.r.key[tk_ring_encrypt_slot(n)], &k), "%u slots, key %u", n,
		      id);
		k = make_key(id - n, len);
		for (unsigned slot = 0; slot < n; slot++)
			CHECK(!tk_key_equal(&box.r.key[slot], &k), "%u slots, key %u", n, id);
		CHECK(box.r.slots == n && box.r.key_len == len, "%u slots, key %u", n, id);
	}
	CHECK(!memcmp(box.guard, guard, sizeof(guard)), "%u slots", n);
	for (unsigned slot = n; slot < TK_SLOTS_MAX; slot++)
		CHECK(box.r.key[slot].len == 0, "%u slots, slot %u", n, slot);
}

static void push(void)
{
	for (size_t l = 0; l < COUNT(lens); l++)
		for (unsigned n = TK_SLOTS_MIN; n <= TK_SLOTS_MAX; n++)
			push_one_ring(n, lens[l]);
}

static void push_wrong_size(void)
{
	static const size_t wrong[2][4] = { { 0, 47, 49, 80 }, { 0, 48, 79, 16 } };
	struct tk_ring r, before;

	for (size_t l = 0; l < COUNT(lens); l++) {
		for (size_t i = 0; i < COUNT(wrong[l]); i++) {
			struct tk_key k = make_key(77, TK_KEY_LEN_MAX);

			k.len = wrong[l][i];
			make_ring(&r, 3, lens[l]);
			memcpy(&before, &r, sizeof(r));
			CHECK(tk_ring_push(&r, &k) == TK_E_SIZE, "%zu into %zu", k.len, lens[l]);
			CHECK(!memcmp(&r, &before, sizeof(r)), "%zu into %zu", k.len, lens[l]);
		}
	}
}

/* Setting a key that is in the ring already hands its own memory in. */
static void push_own_key(void)
{
	for (unsigned slot = 0; slot < 3; slot++) {
		struct tk_key want = make_key(slot, 80);
		struct tk_ring r;

		make_ring(&r, 3, 80);
		CHECK(tk_ring_push(&r, &r.key[slot]) == 0, "slot %u", slot);
		CHECK(tk_key_equal(&r.key[2], &want), "slot %u", slot);
	}
}

static void wipe(void)
{
	static const struct tk_ring zero;
	struct tk_ring r;

	make_ring(&r, 32, 80);
	tk_ring_wipe(&r);
	CU_ASSERT_EQUAL(memcmp(&r, &zero, sizeof(r)), 0);
}

/* Every key has a cell of its own, keeps it while it moves down, and the cell of a key that
 * was dropped rests for a while. */
static void cells(void)
{
	for (unsigned n = TK_SLOTS_MIN; n <= TK_SLOTS_MAX; n++) {
		struct tk_ring r = { .slots = n, .key_len = 80 }, before;

		for (unsigned i = 0; i < 5 * n; i++) {
			struct tk_key k = make_key(i, 80);
			uint64_t seen = 0;

			before = r;
			CU_ASSERT_EQUAL(tk_ring_push(&r, &k), 0);
			for (unsigned s = 0; s + 1 < n && i >= n; s++)
				CHECK(r.cell[s] == before.cell[s + 1] && tk_ring_kept(&r, s, &before),
				      "%u slots, push %u", n, i);
			if (i >= n)
				CHECK(!tk_ring_kept(&r, n - 1, &before) &&
				      (n == 1 || r.cell[n - 1] != before.cell[0]), "%u slots, push %u", n, i);
			if (i + 1 < n)
				continue;
			for (unsigned s = 0; s < n; s++) {
				CHECK(r.cell[s] < TK_CELLS(n), "%u slots", n);
				seen |= UINT64_C(1) << r.cell[s];
			}
			CHECK((unsigned)__builtin_popcountll(seen) == n, "%u slots, push %u", n, i);
		}
	}
}

/* Another ring with some of the same keys, in another order. */
static void kept_cells(void)
{
	uint64_t seed = 3;

	for (unsigned round = 0; round < 2000; round++) {
		unsigned n = 1 + (unsigned)(unit_random(&seed) >> 32) % TK_SLOTS_MAX;
		struct tk_ring before = { .slots = n, .key_len = 80 }, r;
		uint64_t seen = 0;

		for (unsigned i = 0; i < n + (unsigned)(unit_random(&seed) >> 33) % 40; i++) {
			struct tk_key k = make_key(i, 80);

			tk_ring_push(&before, &k);
		}
		make_ring(&r, n, 80);
		for (unsigned i = 0; i < n; i++)
			r.key[i] = make_key((unsigned)(unit_random(&seed) >> 33) % 50, 80);
		tk_ring_keep_cells(&r, &before);
		for (unsigned i = 0; i < n; i++) {
			bool there = false, twice = false;

			for (unsigned k = 0; k < n; k++) {
				there |= tk_key_equal(&r.key[i], &before.key[k]);
				twice |= k != i && tk_key_equal(&r.key[i], &r.key[k]);
			}
			if (!twice)
				CHECK(tk_ring_kept(&r, i, &before) == there, "round %u slot %u", round, i);
			CHECK(r.cell[i] < TK_CELLS(n), "round %u", round);
			seen |= UINT64_C(1) << r.cell[i];
		}
		CHECK((unsigned)__builtin_popcountll(seen) == n, "round %u", round);
	}
}

/* Each key counts, and so does its place; what is behind its name does not. */
static void sums(void)
{
	struct tk_ring r, other;
	struct tk_key k;

	make_ring(&r, 3, 80);
	other = r;
	other.key[1].bytes[TK_NAME_LEN] ^= 1;
	other.cell[1] ^= 1;
	CU_ASSERT_EQUAL(tk_ring_sum(&r), tk_ring_sum(&other));
	for (unsigned i = 0; i < 3; i++)
		for (unsigned at = 0; at < TK_NAME_LEN; at++) {
			other = r;
			other.key[i].bytes[at] ^= 1;
			CHECK(tk_ring_sum(&r) != tk_ring_sum(&other), "slot %u byte %u", i, at);
		}
	other = r;
	k = other.key[0];
	other.key[0] = other.key[1];
	other.key[1] = k;
	CU_ASSERT_NOT_EQUAL(tk_ring_sum(&r), tk_ring_sum(&other));
	memset(&other, 0, sizeof(other));
	CU_ASSERT_NOT_EQUAL(tk_ring_sum(&other), 0);
}

static const struct unit_test tests[] = {
	{ "roles", roles },
	{ "roles of all", roles_of_all },
	{ "push", push },
	{ "push wrong size", push_wrong_size },
	{ "push own key", push_own_key },
	{ "wipe", wipe },
	{ "cells", cells },
	{ "kept cells", kept_cells },
	{ "sums", sums },
};
UNIT_MAIN("ring", tests)
