/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault.c - owns the layout of the shared key memory and the lock-free reading of it.
 * Knows nothing of names, files or TLS.  See vault.h for the table of what may run
 * beside what.
 */
#include "provider/vault.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "provider/shm.h"

#define MAGIC UINT64_C(0x746b7661756c7431) /* tkvault1 */
#define KEY_WORDS (TK_KEY_LEN_MAX / 8)
#define NAME_WORDS (TK_NAME_LEN / 8)
#define READ_TRIES 1000

struct image {
	_Atomic uint64_t key[TK_SLOTS_MAX][KEY_WORDS];
};

struct ring_mem {
	_Atomic uint64_t version;
	_Atomic uint32_t slots;   /* 0: no ring here */
	_Atomic uint32_t key_len; /* 48 or 80 */
	uint64_t reserved[6];
	struct image image[2];
};

struct vault_mem {
	uint64_t magic;
	uint32_t rings;
	uint32_t reserved32;
	uint64_t reserved[6];
	struct ring_mem ring[];
};

_Static_assert(sizeof(struct image) == TK_SLOTS_MAX * TK_KEY_LEN_MAX, "image is packed");
_Static_assert(sizeof(struct ring_mem) == 64 + 2 * sizeof(struct image), "ring is packed");
_Static_assert(offsetof(struct vault_mem, ring) == 64, "header is one line");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "words must be lock-free to be shared");

struct tk_vault {
	struct vault_mem *mem;
	size_t size;
	unsigned rings; /* checked once; the word in shared memory is not asked again */
};

int tk_vault_create(struct tk_vault **out, unsigned rings, struct tk_error *e)
{
	size_t size = sizeof(struct vault_mem) + rings * sizeof(struct ring_mem);
	struct tk_vault *v = calloc(1, sizeof(*v));
	void *map;
	int fd, rc;

	*out = NULL;
	if (v == NULL)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	rc = tk_shm_create("tkprov-vault", size, &map, &fd, e);
	if (rc != 0) {
		free(v);
		return rc;
	}
	close(fd); /* forks have the mapping; nobody else is meant to */
	tk_shm_guard(map, size);
	v->mem = map;
	v->size = size;
	v->rings = rings;
	v->mem->magic = MAGIC;
	v->mem->rings = rings;
	*out = v;
	return 0;
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

static void store_key(_Atomic uint64_t *to, const struct tk_key *key)
{
	uint64_t w;

	for (unsigned i = 0; i < KEY_WORDS; i++) {
		memcpy(&w, key->bytes + i * 8, 8);
		/* pairs with the acquire in load_words */
		atomic_store_explicit(&to[i], w, memory_order_release);
	}
	explicit_bzero(&w, sizeof(w));
}

static void load_words(const _Atomic uint64_t *from, uint8_t *to, unsigned words)
{
	uint64_t w;

	for (unsigned i = 0; i < words; i++) {
		w = atomic_load_explicit(&from[i], memory_order_acquire);
		memcpy(to + i * 8, &w, 8);
	}
}

/* A reader's view of one ring at one version. */
struct view {
	const struct ring_mem *ring;
	const struct image *image;
	uint64_t version;
	unsigned slots;
	size_t key_len;
};

static int view_begin(const struct tk_vault *v, unsigned id, struct view *view)
{
	const struct ring_mem *r;

	if (id >= v->rings)
		return TK_E_NOENT;
	r = &v->mem->ring[id];
	/* pairs with the release in publish */
	view->version = atomic_load_explicit(&r->version, memory_order_acquire);
	view->ring = r;
	view->image = &r->image[view->version & 1];
	view->slots = atomic_load_explicit(&r->slots, memory_order_relaxed);
	view->key_len = atomic_load_explicit(&r->key_len, memory_order_relaxed);
	if (view->slots == 0)
		return TK_E_NOENT;
	if (view->slots > TK_SLOTS_MAX || !tk_key_len_ok(view->key_len))
		return TK_E_LAYOUT;
	return 0;
}

static bool view_held(const struct view *view)
{
	return atomic_load_explicit(&view->ring->version, memory_order_relaxed) == view->version;
}

static void view_key(const struct view *view, unsigned slot, struct tk_key *out)
{
	load_words(view->image->key[slot], out->bytes, KEY_WORDS);
	out->len = view->key_len;
}

static bool view_has_name(const struct view *view, unsigned slot,
			  const uint8_t name[static TK_NAME_LEN])
{
	uint8_t there[TK_NAME_LEN];

	load_words(view->image->key[slot], there, NAME_WORDS);
	return memcmp(there, name, TK_NAME_LEN) == 0;
}

int tk_vault_get_encrypt(const struct tk_vault *v, unsigned id, struct tk_key *out)
{
	struct view view;
	int rc;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		rc = view_begin(v, id, &view);
		if (rc != 0)
			return rc;
		view_key(&view, tk_ring_encrypt_slot(view.slots), out);
		if (view_held(&view))
			return 0;
	}
	tk_key_wipe(out);
	return TK_E_BUSY;
}

int tk_vault_find(const struct tk_vault *v, unsigned id, const uint8_t name[static TK_NAME_LEN],
		  struct tk_key *out, unsigned *slot, unsigned *slots)
{
	struct view view;
	unsigned at;
	int rc;

	for (unsigned i = 0; i < READ_TRIES; i++) {
		rc = view_begin(v, id, &view);
		if (rc != 0)
			return rc;
		for (at = 0; at < view.slots && !view_has_name(&view, at, name); at++)
			;
		if (at < view.slots)
			view_key(&view, at, out);
		if (!view_held(&view))
			continue;
		*slot = at;
		*slots = view.slots;
		return at < view.slots ? 0 : TK_E_NOENT;
	}
	tk_key_wipe(out);
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
		out->slots = view.slots;
		out->key_len = view.key_len;
		for (unsigned s = 0; s < view.slots; s++)
			view_key(&view, s, &out->key[s]);
		if (view_held(&view))
			return 0;
	}
	tk_ring_wipe(out);
	return TK_E_BUSY;
}

/* The image that no longer counts is emptied at once: a key that has left its ring is
 * gone (RFC 9325 section 3.4).  Readers still in it see that the version moved. */
static void fill(struct ring_mem *r, uint64_t version, const struct tk_ring *ring)
{
	static const struct tk_key none;

	for (unsigned s = 0; s < ring->slots; s++)
		store_key(r->image[version & 1].key[s], &ring->key[s]);
	/* pairs with the acquire in view_begin */
	atomic_store_explicit(&r->version, version, memory_order_release);
	for (unsigned s = 0; s < ring->slots; s++)
		store_key(r->image[~version & 1].key[s], &none);
}

void tk_vault_init(struct tk_vault *v, unsigned id, const struct tk_ring *ring)
{
	struct ring_mem *r = &v->mem->ring[id];

	atomic_store_explicit(&r->key_len, (uint32_t)ring->key_len, memory_order_relaxed);
	atomic_store_explicit(&r->slots, ring->slots, memory_order_relaxed);
	fill(r, 0, ring);
}

int tk_vault_publish_locked(struct tk_vault *v, unsigned id, const struct tk_ring *ring)
{
	struct view view;
	int rc = view_begin(v, id, &view);

	if (rc != 0)
		return rc;
	if (ring->slots != view.slots || ring->key_len != view.key_len)
		return TK_E_SIZE;
	fill(&v->mem->ring[id], view.version + 1, ring);
	return 0;
}
