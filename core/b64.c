/* SPDX-License-Identifier: Apache-2.0 */
/*
 * b64.c - base64 by arithmetic.  Between a key's bits and its characters there is no
 * table and no branch: a range of characters is a mask, 0 or all ones, and what is
 * chosen is chosen with `and`.  Lengths are public, and so is the padding, which is
 * nothing but length; so is, in the end, whether the text was base64 at all.
 */
#include "core/b64.h"

#include <limits.h>
#include <string.h>

#include "tkprov/err.h"

/* All ones if a < b, else 0.  Both are small: below 2^31. */
static uint32_t mask_lt(uint32_t a, uint32_t b)
{
	return 0U - ((a - b) >> 31);
}

/* All ones if lo <= c <= hi. */
static uint32_t mask_in(uint32_t c, uint32_t lo, uint32_t hi)
{
	return ~mask_lt(c, lo) & ~mask_lt(hi, c);
}

#define EACH 0x01010101U /* in each byte of a word */

/* 1 in each byte of v that is above n; all are below 64. */
static uint32_t above(uint32_t v, uint32_t n)
{
	return ((v + (127 - n) * EACH) >> 7) & EACH;
}

/* The characters for six bits in each byte, four at once: one step at each border of the
 * alphabet's five runs. */
static uint32_t to_chars(uint32_t v)
{
	return v + 'A' * EACH + above(v, 25) * ('a' - 'Z' - 1) - above(v, 51) * ('z' - '0' + 1) -
	       above(v, 61) * ('9' - '+' + 1) + above(v, 62) * ('/' - '+' - 1);
}

/* The six bits of a character; *bad becomes all ones if it is not of the alphabet. */
static uint32_t from_char(char ch, uint32_t *bad)
{
	uint32_t c = (unsigned char)ch;
	uint32_t upper = mask_in(c, 'A', 'Z'), lower = mask_in(c, 'a', 'z');
	uint32_t digit = mask_in(c, '0', '9');
	uint32_t plus = mask_in(c, '+', '+'), slash = mask_in(c, '/', '/');

	*bad |= ~(upper | lower | digit | plus | slash);
	return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (digit & (c - '0' + 52)) |
	       (plus & 62U) | (slash & 63U);
}

/* Three bytes become four characters. */
static void encode_group(uint32_t v, char out[static 4])
{
	uint32_t c = to_chars((v >> 18 & 63) | (v >> 12 & 63) << 8 | (v >> 6 & 63) << 16 |
			      (v & 63) << 24);

	for (unsigned i = 0; i < 4; i++)
		out[i] = (char)(c >> 8 * i);
}

void tk_b64_encode(const uint8_t *in, size_t len, char *out)
{
	for (; len >= 3; in += 3, len -= 3, out += 4)
		encode_group((uint32_t)in[0] << 16 | (uint32_t)in[1] << 8 | in[2], out);
	if (len > 0) {
		encode_group((uint32_t)in[0] << 16 | (len > 1 ? (uint32_t)in[1] << 8 : 0), out);
		out[2] = len > 1 ? out[2] : '=';
		out[3] = '=';
		out += 4;
	}
	*out = '\0';
}

/* How many of the last two characters are padding.  More than two, or padding
 * anywhere else, is not of the alphabet and so found by from_char. */
static size_t count_pads(const char *in, size_t len)
{
	if (len == 0 || in[len - 1] != '=')
		return 0;
	return in[len - 2] == '=' ? 2 : 1;
}

int tk_b64_decode(const char *in, size_t len, uint8_t *out, size_t cap)
{
	size_t pads, bytes, room, at = 0;
	uint32_t bad = 0, bits = 0;

	if (len % 4 != 0)
		return TK_E_PARSE;
	pads = count_pads(in, len);
	bytes = TK_B64_DEC_MAX(len) - pads;
	room = bytes < cap ? bytes : cap;
	for (size_t i = 0; i < len; i++) {
		bits <<= 6;
		if (i < len - pads)
			bits |= from_char(in[i], &bad);
		if (i % 4 != 3)
			continue;
		for (int shift = 16; shift >= 0 && at < room; shift -= 8)
			out[at++] = (uint8_t)(bits >> shift);
	}
	if (!bad && bytes <= cap && bytes <= INT_MAX)
		return (int)bytes;
	if (at)
		explicit_bzero(out, at);
	return bad ? TK_E_PARSE : TK_E_RANGE;
}
