/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault.c - owns the layout of the shared key memory and the lock-free reading of it.
 * Knows nothing of names, files or TLS.  See vault.h for the table of what may run
 * beside what.
 */
#include "provider/vault.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "provider/shm.h"

#define MAGIC UINT64_C(0x746b7661756c7431) /* tkvault1 */
#define NAME_WORDS (TK_NAME_LEN / 8)
#define PART_WORDS ((TK_KEY_LEN_MAX - TK_NAME_LEN) / 8) /* AES and HMAC key */
#define SLOT_WORDS (NAME_WORDS + PART_WORDS + 1)         /* and the cell */
#define READ_TRIES 1000
#define SOON 576 /* bytes of a ring worth fetching ahead: all of one with three slots */

/* The names of an image stand together, right behind the head: a look-up goes through them
 * only, and with three slots head and names are one line of the cache.  What belongs to
 * each follows: both images' names, then both images' keys. */
struct ring_mem {
	_Atomic uint64_t version;
	_Atomic uint16_t slots;   /* 0: no ring here */
	_Atomic uint16_t key_len; /* 48 or 80 */
	uint32_t reserved;
	_Atomic uint64_t word[];
};

struct vault_mem {
	uint64_t magic;
	uint32_t rings;
	uint32_t slots;
	uint64_t reserved[6];
};

_Static_assert(sizeof(struct ring_mem) + 3 * TK_NAME_LEN == 64, "head and names are one line");
_Static_assert(sizeof(struct vault_mem) == 64, "header is one line");
_Static_assert(TK_CELLS(TK_SLOTS_MAX) <= 64, "cells are numbers below 64");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "words must be lock-free to be shared");

struct tk_vault {
	struct vault_mem *mem;
	size_t size;
	unsigned rings, slots; /* as created; the words in shared memory are not asked again */
	bool secret;
};

static size_t ring_size(unsigned slots)
{
	size_t size = sizeof(struct ring_mem) + 2 * (size_t)slots * SLOT_WORDS * 8;

	return (size + 63) / 64 * 64;
}

static struct ring_mem *ring_at(const struct tk_vault *v, unsigned id)
{
	return (struct ring_mem *)((char *)v->mem + sizeof(*v->mem) + id * ring_size(v->slots));
}

static int create_memory(struct tk_vault *v, enum tk_vault_kind kind, struct tk_error *e)
{
	void *map;
	int fd, rc = TK_E_SYS;

	if (kind != TK_VAULT_MEMFD)
		rc = tk_shm_create_secret(v->size, kind == TK_VAULT_SECRET, &map, &fd, e);
	v->secret = rc == 0;
	if (rc != 0 && kind != TK_VAULT_SECRET)
		rc = tk_shm_create("tkprov-vault", v->size, &map, &fd, e);
	if (rc != 0)
		return rc;
	close(fd); /* forks have the mapping; nobody else is meant to */
	tk_shm_guard(map, v->size);
	v->mem = map;
	return 0;
}

int tk_vault_create(struct tk_vault **out, enum tk_vault_kind kind, unsigned rings, unsigned slots,
		    struct tk_error *e)
{
	struct tk_vault *v = calloc(1, sizeof(*v));
	int rc;

	*out = NULL;
	if (v == NULL)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	v->size = sizeof(struct vault_mem) + rings * ring_size(slots);
	v->rings = rings;
	v->slots = slots;
	rc = create_memory(v, kind, e);
	if (rc != 0) {
		free(v);
		return rc;
	}
	v->mem->magic = MAGIC;
	v->mem->rings = rings;
	v->mem->slots = slots;
	*out = v;
	return 0;
}

bool tk_vault_is_secret(const struct tk_vault *v)
{
	return v->secret;
}

void tk_vault_free(struct tk_vault **vault)
{
	struct tk_vault *v = *vault;

	*vault = NULL;
	if (v == NULL)
		return;
	explicit_bzero(v->mem, v->size);
	munmap(v->mem, v->size);
	free(v);
}

void tk_vault_forked(struct tk_vault *v)
{
	tk_shm_guard(v->mem, v->size);
}

static void store_words(_Atomic uint64_t *to, const uint8_t *from, unsigned words)
{
	uint64_t w;

	for (unsigned i = 0; i < words; i++) {
		memcpy(&w, from + i * 8, 8);
		/* pairs with the acquire in load_words */
		atomic_store_explicit(&to[i], w, memory_order_release);
	}
	explicit_bzero(&w, sizeof(w));
}

static void load_words(const _Atomic uint64_t *from, uint8_t *to, unsigned words)
{
	uint64_t w;

	for (unsigned i = 0; i < words; i++) {
		/* pairs with the release in store_words */
		w = atomic_load_explicit(&from[i], memory_order_acquire);
		memcpy(to + i * 8, &w, 8);
	}
}

static size_t name_at(const struct tk_vault *v, uint64_t version, unsigned slot)
{
	return ((version & 1) * v->slots + slot) * NAME_WORDS;
}

/* AES key, HMAC key, and the cell. */
static size_t parts_at(const struct tk_vault *v, uint64_t version, unsigned slot)
{
	return 2 * v->slots * NAME_WORDS + ((version & 1) * v->slots + slot) * (PART_WORDS + 1);
}

/* A reader's view of one ring at one version. */
struct view {
	const struct tk_vault *vault;
	const struct ring_mem *ring;
	uint64_t version;
	unsigned slots;
	size_t key_len;
};

static int view_begin(const struct tk_vault *v, unsigned id, struct view *view)
{
	const struct ring_mem *r;

	if (id >= v->rings)
		return TK_E_NOENT;
	r = ring_at(v, id);
	/* pairs with the release in fill */
	view->version = atomic_load_explicit(&r->version, memory_order_acquire);
	view->vault = v;
	view->ring = r;
	view->slots = atomic_load_explicit(&r->slots, memory_order_relaxed);
	view->key_len = atomic_load_explicit(&r->key_len, memory_order_relaxed);
	if (view->slots == 0)
		return TK_E_NOENT;
	if (view->slots > v->slots || !tk_key_len_ok(view->key_len))
		return TK_E_LAYOUT;
	return 0;
}

static bool view_held(const struct view *view)
{
	return atomic_load_explicit(&view->ring->version, memory_order_relaxed) == view->version;
}

static uint8_t view_cell(const struct view *view, unsigned slot)
{
	size_t at = parts_at(view->vault, view->version, slot) + PART_WORDS;
	uint64_t cell = atomic_load_explicit(&view->ring->word[at], memory_order_acquire);

	return (uint8_t)(cell < TK_CELLS(view->slots) ? cell : 0);
}

static void view_key(const struct view *view, unsigned slot, struct tk_key *out)
{
	load_words(&view->ring->word[name_at(view->vault, view->version, slot)], out->bytes,
		   NAME_WORDS);
	load_words(&view->ring->word[parts_at(view->vault, view->version, slot)],
		   out->bytes + TK_NAME_LEN, PART_WORDS);
	out->len = view->key_len;
}

static void view_place(const struct view *view, unsigned slot, struct tk_vault_place *place)
{
	place->slot = slot;
	place->slots = view->slots;
	place->cell = view_cell(view, slot);
}

/* The slot of that name, the newest first; view->slots if there is none. */
static unsigned view_find(const struct view *view, const uint8_t name[static TK_NAME_LEN])
{
	uint64_t want[NAME_WORDS], other;

	memcpy(want, name, sizeof(want));
	for (unsigned slot = view->slots; slot-- > 0;) {
		const _Atomic uint64_t *there =
			&view->ring->word[name_at(view->vault, view->version, slot)];

		other = 0;
		for (unsigned i = 0; i < NAME_WORDS; i++) /* pairs with the release in store_words */
			other |= atomic_load_explicit(&there[i], memory_order_acquire) ^ want[i];
		if (other == 0)
			return slot;
	}
	return view->slots;
}

void tk_vault_soon(const struct tk_vault *v, unsigned id)
{
	const char *ring;

	if (id >= v->rings)
		return;
	ring = (const char *)ring_at(v, id);
	for (size_t at = 0; at < SOON && at < ring_size(v->slots); at += 64)
		__builtin_prefetch(ring + at);
}

int tk_vault_get_encrypt(const struct tk_vault *v, unsigned id, struct tk_key *out,
			 struct tk_vault_place *place)
{
	struct view view;
	int rc;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		rc = view_begin(v, id, &view);
		if (rc != 0)
			return rc;
		view_place(&view, tk_ring_encrypt_slot(view.slots), place);
		view_key(&view, place->slot, out);
		if (view_held(&view))
			return 0;
	}
	tk_key_wipe(out);
	return TK_E_BUSY;
}

int tk_vault_find(const struct tk_vault *v, unsigned id, const uint8_t name[static TK_NAME_LEN],
		  struct tk_key *out, struct tk_vault_place *place)
{
	struct view view;
	unsigned slot;
	int rc;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		rc = view_begin(v, id, &view);
		if (rc != 0)
			return rc;
		slot = view_find(&view, name);
		if (slot < view.slots) {
			view_place(&view, slot, place);
			view_key(&view, slot, out);
		}
		if (view_held(&view))
			return slot < view.slots ? 0 : TK_E_NOENT;
	}
	tk_key_wipe(out);
	return TK_E_BUSY;
}

int tk_vault_newest(const struct tk_vault *v, unsigned id, uint8_t *cell)
{
	struct view view;
	int rc;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		rc = view_begin(v, id, &view);
		if (rc != 0)
			return rc;
		*cell = view_cell(&view, view.slots - 1);
		if (view_held(&view))
			return 0;
	}
	return TK_E_BUSY;
}

int tk_vault_read(const struct tk_vault *v, unsigned id, struct tk_ring *out)
{
	struct view view;
	int rc;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		rc = view_begin(v, id, &view);
		if (rc != 0)
			return rc;
		memset(out, 0, sizeof(*out));
		out->slots = view.slots;
		out->key_len = view.key_len;
		for (unsigned s = 0; s < view.slots; s++) {
			view_key(&view, s, &out->key[s]);
			out->cell[s] = view_cell(&view, s);
		}
		if (view_held(&view))
			return 0;
	}
	tk_ring_wipe(out);
	return TK_E_BUSY;
}

static void store_slot(const struct tk_vault *v, struct ring_mem *r, uint64_t version, unsigned slot,
		       const struct tk_key *key, uint8_t cell)
{
	size_t parts = parts_at(v, version, slot);

	store_words(&r->word[name_at(v, version, slot)], key->bytes, NAME_WORDS);
	store_words(&r->word[parts], key->bytes + TK_NAME_LEN, PART_WORDS);
	atomic_store_explicit(&r->word[parts + PART_WORDS], cell, memory_order_release);
}

/* Fills the image of `version`, makes it the one that counts, and empties the other. */
static void fill(const struct tk_vault *v, struct ring_mem *r, uint64_t version,
		 const struct tk_ring *ring)
{
	static const struct tk_key none;

	for (unsigned s = 0; s < ring->slots; s++)
		store_slot(v, r, version, s, &ring->key[s], ring->cell[s]);
	/* pairs with the acquire in view_begin */
	atomic_store_explicit(&r->version, version, memory_order_release);
	for (unsigned s = 0; s < ring->slots; s++)
		store_slot(v, r, version + 1, s, &none, 0);
}

void tk_vault_init(struct tk_vault *v, unsigned id, const struct tk_ring *ring)
{
	struct ring_mem *r = ring_at(v, id);

	atomic_store_explicit(&r->key_len, (uint16_t)ring->key_len, memory_order_relaxed);
	atomic_store_explicit(&r->slots, (uint16_t)ring->slots, memory_order_relaxed);
	fill(v, r, 0, ring);
}

int tk_vault_publish_locked(struct tk_vault *v, unsigned id, const struct tk_ring *ring)
{
	struct view view;
	int rc = view_begin(v, id, &view);

	if (rc != 0)
		return rc;
	if (ring->slots != view.slots || ring->key_len != view.key_len)
		return TK_E_SIZE;
	fill(v, ring_at(v, id), view.version + 1, ring);
	return 0;
}
