/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.h - one session-ticket encryption key (STEK), RFC 5077 section 4.
 *
 * A value type.  Key bytes live in struct tk_key and in the vault, nowhere else;
 * whoever has one on the stack wipes it before it returns.
 *
 * Locks: none.  Threads: pure functions.
 */
#ifndef TK_KEY_H
#define TK_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tkprov/limits.h"

struct tk_key {
	uint8_t bytes[TK_KEY_LEN_MAX]; /* HAProxy's layout: name, aes, hmac */
	size_t len;                    /* 48 or 80; 0: no key */
};

/* True for 48 and 80. */
bool tk_key_len_ok(size_t len);

/* The parts.  They point into *k.  Length of aes and of hmac alike:
 * tk_key_part_len, 16 or 32. */
const uint8_t *tk_key_name(const struct tk_key *k);
const uint8_t *tk_key_aes(const struct tk_key *k);
const uint8_t *tk_key_hmac(const struct tk_key *k);
size_t tk_key_part_len(const struct tk_key *k);

/* Copies len bytes in.  TK_E_SIZE unless len is 48 or 80. */
int tk_key_from_bytes(struct tk_key *k, const uint8_t *bytes, size_t len);

/* Same name and same key bytes and same size; constant time in the bytes. */
bool tk_key_equal(const struct tk_key *a, const struct tk_key *b);

/* 32 lower-case digits and a NUL. */
void tk_key_name_hex(const uint8_t name[static TK_NAME_LEN], char out[static TK_NAME_HEX + 1]);

/* Overwrites the whole struct in a way that the compiler keeps. */
void tk_key_wipe(struct tk_key *k);

#endif
