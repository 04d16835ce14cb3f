/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault.h - the shared memory that holds key bytes.
 *
 * Per ring two images and a version word; version & 1 says which image counts.
 *
 *   operation            may run beside                       by
 *   get_encrypt, find    anything, any number of times        any thread, lock-free
 *   read_locked          get_encrypt, find                    who holds the record lock
 *   publish_locked       get_encrypt, find                    who holds the record lock
 *   init                 nothing (nobody else has it yet)     the creator
 *
 * A writer fills the idle image and then publishes the version; killed anywhere before
 * that it has changed nothing.  A reader copies what it needs word by word and accepts
 * it if the version has not moved; an image is written to (emptied, then filled again)
 * only after the other one was published, so an unmoved version means an undisturbed
 * copy.  Retries are bounded: TK_E_BUSY.
 *
 * Memory order: words are stored with release and loaded with acquire, so a reader that
 * sees a word written after version v + 1 was published also sees that version; the
 * version itself is published with release after the words and loaded with acquire
 * before them.
 *
 * What is read is checked before use: any process of the instance could have written it.
 */
#ifndef TK_VAULT_H
#define TK_VAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/conf.h" /* enum tk_vault_kind */
#include "core/ring.h"
#include "tkprov/err.h"

struct tk_vault;

/* Room for `rings` rings of up to `slots` keys, mapped, guarded, empty.  TK_VAULT_AUTO
 * takes memfd_secret where the kernel gives it, TK_VAULT_SECRET fails where not. */
int tk_vault_create(struct tk_vault **out, enum tk_vault_kind kind, unsigned rings, unsigned slots,
		    struct tk_error *e);

/* Is it memfd_secret? */
bool tk_vault_is_secret(const struct tk_vault *v);

/* Only for a vault that never got into use: unmaps it. */
void tk_vault_free(struct tk_vault **vault);

/* Fixes a ring's size and fills it.  id is less than the capacity. */
void tk_vault_init(struct tk_vault *v, unsigned id, const struct tk_ring *ring);

struct tk_vault_place {
	unsigned slot, slots;
	uint8_t cell; /* where the key is counted */
};

/* A ring is about to be asked: fetches it from memory while its caller does something else. */
void tk_vault_soon(const struct tk_vault *v, unsigned id);

/* Copies the key that encrypts.  TK_E_NOENT: no such ring.  TK_E_BUSY, TK_E_LAYOUT.
 * Wipe *out. */
int tk_vault_get_encrypt(const struct tk_vault *v, unsigned id, struct tk_key *out,
			 struct tk_vault_place *place);

/* The newest key's cell.  TK_E_NOENT, TK_E_BUSY, TK_E_LAYOUT. */
int tk_vault_newest(const struct tk_vault *v, unsigned id, uint8_t *cell);

/* Copies the key with that name (the newest, where there are two) and says where it was.
 * TK_E_NOENT: no key of that name.  TK_E_BUSY, TK_E_LAYOUT.  Wipe *out. */
int tk_vault_find(const struct tk_vault *v, unsigned id, const uint8_t name[static TK_NAME_LEN],
		  struct tk_key *out, struct tk_vault_place *place);

/* Copies a whole ring.  Without the record lock it may say TK_E_BUSY.  Wipe *out. */
int tk_vault_read(const struct tk_vault *v, unsigned id, struct tk_ring *out);

/* Makes *ring the ring's keys.  Size and number of slots must be those of init:
 * TK_E_SIZE.  Locks: the board's record lock and the memory mutex. */
int tk_vault_publish_locked(struct tk_vault *v, unsigned id, const struct tk_ring *ring);

/* After a fork, in the child: locks its pages in memory again. */
void tk_vault_forked(struct tk_vault *v);

#endif
