/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key.c - owns the layout of one key: where name, AES key and HMAC key lie in its
 * bytes.  Knows nothing of rings and files.  Bytes behind len are always zero.
 */
#include "core/key.h"

#include <string.h>

#include "tkprov/err.h"

bool tk_key_len_ok(size_t len)
{
	return len == TK_KEY_128_LEN || len == TK_KEY_256_LEN;
}

size_t tk_key_part_len(const struct tk_key *k)
{
	return tk_key_len_ok(k->len) ? (k->len - TK_NAME_LEN) / 2 : 0;
}

const uint8_t *tk_key_name(const struct tk_key *k)
{
	return k->bytes;
}

const uint8_t *tk_key_aes(const struct tk_key *k)
{
	return k->bytes + TK_NAME_LEN;
}

const uint8_t *tk_key_hmac(const struct tk_key *k)
{
	return k->bytes + TK_NAME_LEN + tk_key_part_len(k);
}

int tk_key_from_bytes(struct tk_key *k, const uint8_t *bytes, size_t len)
{
	if (!tk_key_len_ok(len))
		return TK_E_SIZE;
	memmove(k->bytes, bytes, len);
	memset(k->bytes + len, 0, sizeof(k->bytes) - len);
	k->len = len;
	return 0;
}

bool tk_key_equal(const struct tk_key *a, const struct tk_key *b)
{
	unsigned diff = 0;

	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		diff |= (unsigned)(a->bytes[i] ^ b->bytes[i]);
	return diff == 0;
}

void tk_key_name_hex(const uint8_t name[static TK_NAME_LEN], char out[static TK_NAME_HEX + 1])
{
	static const char digits[] = "0123456789abcdef"; /* a name is public */

	for (size_t i = 0; i < TK_NAME_LEN; i++) {
		out[2 * i] = digits[name[i] >> 4];
		out[2 * i + 1] = digits[name[i] & 15];
	}
	out[TK_NAME_HEX] = '\0';
}

void tk_key_wipe(struct tk_key *k)
{
	explicit_bzero(k, sizeof(*k));
}
