/* SPDX-License-Identifier: Apache-2.0 */
/*
 * b64.c - base64 by arithmetic.  Between a key's bits and its characters there is no
 * table and no branch: a range of characters is a mask, 0 or all ones, and what is
 * chosen is chosen with `and`.  Lengths are public, and so is the padding, which is
 * nothing but length; so is, in the end, whether the text was base64 at all.
 */
#include "core/b64.h"

#include <endian.h>
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

/* Sixteen characters, or the six bits that each of them stands for. */
typedef signed char lanes __attribute__((vector_size(16)));
typedef uint64_t halves __attribute__((vector_size(16)));

/* One step at each border of the alphabet's five runs: a comparison is a mask in each lane. */
static lanes to_chars(lanes v)
{
	return v + 'A' + ((v > 25) & ('a' - 'Z' - 1)) - ((v > 51) & ('z' - '0' + 1)) -
	       ((v > 61) & ('9' - '+' + 1)) + ((v > 62) & ('/' - '+' - 1));
}

/* 48 bits become six in each byte: halves move apart, then theirs, then theirs. */
static uint64_t spread(uint64_t v)
{
	v = (v & UINT64_C(0x0000ffffff000000)) << 8 | (v & UINT64_C(0x0000000000ffffff));
	v = (v & UINT64_C(0x00fff00000fff000)) << 4 | (v & UINT64_C(0x00000fff00000fff));
	return (v & UINT64_C(0x0fc00fc00fc00fc0)) << 2 | (v & UINT64_C(0x003f003f003f003f));
}

/* The first of six bytes is the highest. */
static uint64_t six_bytes(const uint8_t *in)
{
	uint32_t high;
	uint16_t low;

	memcpy(&high, in, sizeof(high));
	memcpy(&low, in + sizeof(high), sizeof(low));
	return (uint64_t)be32toh(high) << 16 | be16toh(low);
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

/* Twelve bytes become sixteen characters. */
static void encode_group(const uint8_t in[static 12], char out[static 16])
{
	halves bits = { htobe64(spread(six_bytes(in))), htobe64(spread(six_bytes(in + 6))) };
	lanes v = to_chars((lanes)bits);

	memcpy(out, &v, sizeof(v));
}

/* Fewer than twelve, and the padding. */
static char *encode_rest(const uint8_t *in, size_t len, char *out)
{
	uint8_t rest[12] = { 0 };
	char last[16];

	memcpy(rest, in, len);
	encode_group(rest, last);
	memset(last + (len * 4 + 2) / 3, '=', TK_B64_ENC_LEN(len) - (len * 4 + 2) / 3);
	memcpy(out, last, TK_B64_ENC_LEN(len));
	explicit_bzero(rest, sizeof(rest));
	explicit_bzero(last, sizeof(last));
	return out + TK_B64_ENC_LEN(len);
}

void tk_b64_encode(const uint8_t *in, size_t len, char *out)
{
	for (; len >= 12; in += 12, len -= 12, out += 16)
		encode_group(in, out);
	if (len > 0)
		out = encode_rest(in, len, out);
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
