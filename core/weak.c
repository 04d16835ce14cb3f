/* SPDX-License-Identifier: Apache-2.0 */
/*
 * weak.c - owns the rules for weak keys.  Every part is gone through whole, whatever its
 * bytes are: only the verdict shows in the time.
 */
#include "core/weak.h"

#include <string.h>

struct part {
	const uint8_t *p;
	size_t len;
	const char *zero, *constant, *counting, *text; /* NULL: not looked for */
};

/* The same difference from each byte to the next; 0: all are equal. */
static bool has_one_step(const struct part *a)
{
	uint8_t step = (uint8_t)(a->p[1] - a->p[0]);
	unsigned other = 0;

	for (size_t i = 1; i < a->len; i++)
		other |= (uint8_t)(a->p[i] - a->p[i - 1]) ^ step;
	return other == 0;
}

/* Printable ASCII, tabs and line ends: base64 or hex that was never decoded. */
static bool is_text(const struct part *a)
{
	unsigned other = 0;

	for (size_t i = 0; i < a->len; i++) {
		unsigned c = a->p[i];

		other |= !((c >= 0x20 && c <= 0x7e) || c == '\t' || c == '\n' || c == '\r');
	}
	return other == 0;
}

static const char *weakness(const struct part *a)
{
	if (has_one_step(a)) {
		if (a->p[1] != a->p[0])
			return a->counting;
		return a->p[0] == 0 ? a->zero : a->constant;
	}
	return a->text && is_text(a) ? a->text : NULL;
}

const char *tk_weak_key(const struct tk_key *k)
{
	const struct part parts[] = {
		{ tk_key_name(k), TK_NAME_LEN, "its name is all zeros",
		  "all bytes of its name are equal", "the bytes of its name count", NULL },
		{ tk_key_aes(k), tk_key_part_len(k), "its AES key is all zeros",
		  "all bytes of its AES key are equal", "the bytes of its AES key count",
		  "its AES key is text" },
		{ tk_key_hmac(k), tk_key_part_len(k), "its HMAC key is all zeros",
		  "all bytes of its HMAC key are equal", "the bytes of its HMAC key count",
		  "its HMAC key is text" },
	};
	const char *why = NULL;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !why; i++)
		why = weakness(&parts[i]);
	return why;
}

const char *tk_weak_in_ring(const struct tk_ring *r, const struct tk_key *k)
{
	for (unsigned i = 0; i < r->slots; i++)
		if (!memcmp(tk_key_name(&r->key[i]), tk_key_name(k), TK_NAME_LEN) &&
		    r->key[i].len == k->len && !tk_key_equal(&r->key[i], k))
			return "its name is that of another key of the ring";
	return tk_weak_key(k);
}
