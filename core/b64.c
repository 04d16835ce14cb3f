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

/* The character for six bits: one step at each border of the alphabet's five runs. */
static char to_char(uint32_t v)
{
	uint32_t c = v + 'A';

	c += mask_lt(25, v) & ('a' - 'Z' - 1U);
	c -= mask_lt(51, v) & ('z' - '0' + 1U);
	c -= mask_lt(61, v) & ('9' - '+' + 1U);
	c += mask_lt(62, v) & ('/' - '+' - 1U);
	return (char)c;
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

void tk_b64_encode(const uint8_t *in, size_t len, char *out)
{
	for (; len > 0; out += 4) {
		size_t n = len < 3 ? len : 3;
		uint32_t v = (uint32_t)in[0] << 16;

		if (n > 1)
			v |= (uint32_t)in[1] << 8;
		if (n > 2)
			v |= in[2];
		out[0] = to_char(v >> 18);
		out[1] = to_char(v >> 12 & 63);
		out[2] = n > 1 ? to_char(v >> 6 & 63) : '=';
		out[3] = n > 2 ? to_char(v & 63) : '=';
		in += n;
		len -= n;
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
