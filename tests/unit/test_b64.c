/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_b64.c - base64 against the alphabet written out: every length, every character in
 * every place, every fault, and not a byte outside the caller's buffer.
 */
#include "tests/unit/unit.h"

#include "core/b64.h"
#include "tkprov/err.h"

#define LEN_MAX 200
#define GUARD 0xa5

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The slow and plain way, bit by bit. */
static void encode_plainly(const uint8_t *in, size_t len, char *out)
{
	size_t at = 0;

	for (size_t bit = 0; bit < len * 8; bit += 6) {
		unsigned v = 0;

		for (size_t b = bit; b < bit + 6; b++)
			v = v << 1 | (b < len * 8 ? (unsigned)in[b / 8] >> (7 - b % 8) & 1 : 0);
		out[at++] = alphabet[v];
	}
	while (at % 4 != 0)
		out[at++] = '=';
	out[at] = '\0';
}

static void vectors(void)
{
	static const char *const rows[][2] = {
		{ "", "" },	    { "f", "Zg==" },	     { "fo", "Zm8=" },
		{ "foo", "Zm9v" },  { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	uint8_t out[8];
	char text[16];

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = strlen(rows[i][0]);

		tk_b64_encode((const uint8_t *)rows[i][0], len, text);
		CHECK(!strcmp(text, rows[i][1]), "%s", rows[i][0]);
		CHECK(tk_b64_decode(text, strlen(text), out, sizeof(out)) == (int)len, "%s",
		      rows[i][0]);
		CHECK(!memcmp(out, rows[i][0], len), "%s", rows[i][0]);
	}
}

static void check_round(const uint8_t *in, size_t len)
{
	char text[TK_B64_ENC_LEN(LEN_MAX) + 2], plain[TK_B64_ENC_LEN(LEN_MAX) + 1];
	uint8_t out[LEN_MAX + 1];

	memset(text, GUARD, sizeof(text));
	memset(out, GUARD, sizeof(out));
	encode_plainly(in, len, plain);
	tk_b64_encode(in, len, text);
	CHECK(!strcmp(text, plain), "%zu bytes: %s, not %s", len, text, plain);
	CHECK(strlen(text) == TK_B64_ENC_LEN(len), "%zu bytes", len);
	CHECK((uint8_t)text[strlen(text) + 1] == GUARD, "%zu bytes", len);
	CHECK(tk_b64_decode(text, strlen(text), out, len) == (int)len, "%zu bytes", len);
	CHECK(!memcmp(out, in, len) && out[len] == GUARD, "%zu bytes", len);
}

static void all_lengths(void)
{
	uint8_t in[LEN_MAX] = { 0 };
	uint64_t seed = 1;

	for (size_t len = 0; len <= LEN_MAX; len++) {
		for (size_t i = 0; i < len; i++)
			in[i] = (uint8_t)(unit_random(&seed) >> 56);
		check_round(in, len);
	}
}

static void all_bytes(void)
{
	for (unsigned v = 0; v < 65536; v++) {
		uint8_t in[2] = { (uint8_t)(v >> 8), (uint8_t)v };

		check_round(in, 2);
		if (v < 256)
			check_round(in + 1, 1);
	}
	for (unsigned place = 0; place < 3; place++) {
		for (unsigned v = 0; v < 256; v++) {
			uint8_t in[3] = { 0x5a, 0xa5, 0x5a };

			in[place] = (uint8_t)v;
			check_round(in, 3);
		}
	}
}

/* One text with one character exchanged: what must come of it. */
static int expected(const char *text, size_t len, size_t *pads)
{
	*pads = 0;
	if (text[len - 1] == '=')
		*pads = text[len - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < len - *pads; i++)
		if (text[i] == '\0' || !strchr(alphabet, text[i]))
			return TK_E_PARSE;
	return (int)(len / 4 * 3 - *pads);
}

static void all_characters(void)
{
	static const char *const base[] = { "QUJD", "QUI=", "QQ==", "QUJDREVG", "QUJDREU=",
					    "QUJDRA==" };
	char text[8];
	uint8_t out[6];
	size_t pads;

	for (size_t b = 0; b < COUNT(base); b++) {
		size_t len = strlen(base[b]);

		for (size_t place = 0; place < len; place++) {
			for (int c = 0; c < 256; c++) {
				int want;

				memcpy(text, base[b], len);
				text[place] = (char)c;
				want = expected(text, len, &pads);
				CHECK(tk_b64_decode(text, len, out, sizeof(out)) == want,
				      "%s, character %d at %zu", base[b], c, place);
			}
		}
	}
}

/* In a text as long as a key's, too: 64 characters, 108 with padding. */
static void all_characters_of_a_key(void)
{
	static const size_t lens[] = { 48, 80 };
	char text[TK_B64_ENC_LEN(80) + 1], changed[TK_B64_ENC_LEN(80) + 1];
	uint8_t in[80], out[81];
	size_t pads;

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 37);
	for (size_t l = 0; l < COUNT(lens); l++) {
		size_t len = TK_B64_ENC_LEN(lens[l]);

		tk_b64_encode(in, lens[l], text);
		for (size_t place = 0; place < len; place++) {
			for (int c = 0; c < 256; c++) {
				memcpy(changed, text, len);
				changed[place] = (char)c;
				CHECK(tk_b64_decode(changed, len, out, sizeof(out)) ==
					      expected(changed, len, &pads),
				      "%zu bytes, character %d at %zu", lens[l], c, place);
			}
		}
	}
}

static void faults(void)
{
	static const struct {
		const char *text;
		int want;
	} rows[] = {
		{ "A", TK_E_PARSE },	    { "AA", TK_E_PARSE },	{ "AAA", TK_E_PARSE },
		{ "AAAAA", TK_E_PARSE },    { "=", TK_E_PARSE },	{ "==", TK_E_PARSE },
		{ "====", TK_E_PARSE },	    { "A===", TK_E_PARSE },	{ "=AAA", TK_E_PARSE },
		{ "A=AA", TK_E_PARSE },	    { "AA=A", TK_E_PARSE },	{ "AA==AAAA", TK_E_PARSE },
		{ "AAA=AAAA", TK_E_PARSE }, { "AAAA====", TK_E_PARSE }, { "AAA =", TK_E_PARSE },
		{ " AAA", TK_E_PARSE },	    { "AAA\n", TK_E_PARSE },	{ "AA-_", TK_E_PARSE },
		{ "AAAAAAA", TK_E_PARSE },  { "AAAA", 3 },		{ "AAA=", 2 },
		{ "AA==", 1 },		    { "", 0 },
	};
	uint8_t out[16];

	for (size_t i = 0; i < COUNT(rows); i++)
		CHECK(tk_b64_decode(rows[i].text, strlen(rows[i].text), out, sizeof(out)) ==
			      rows[i].want,
		      "'%s'", rows[i].text);
}

/* HAProxy does not look at them either. */
static void bits_under_padding(void)
{
	uint8_t out[2];

	for (unsigned low = 0; low < 16; low++) {
		char text[4] = { 'Q', alphabet[16 + low], '=', '=' };

		CHECK(tk_b64_decode(text, 4, out, 2) == 1 && out[0] == 'A', "bits %u", low);
	}
	for (unsigned low = 0; low < 4; low++) {
		char text[4] = { 'Q', 'U', alphabet[8 + low], '=' };

		CHECK(tk_b64_decode(text, 4, out, 2) == 2 && out[1] == 'B', "bits %u", low);
	}
}

static bool all_zero(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* Too long for the caller: nothing stays in the buffer, nothing is put behind it, and a
 * text that is no base64 is called that whatever its length. */
static void room(void)
{
	char text[TK_B64_ENC_LEN(50) + 1];
	uint8_t in[50], out[51];

	memset(in, 0x77, sizeof(in));
	for (size_t len = 1; len <= sizeof(in); len++) {
		size_t chars = TK_B64_ENC_LEN(len);

		for (size_t cap = 0; cap < len; cap++) {
			tk_b64_encode(in, len, text);
			memset(out, GUARD, sizeof(out));
			CHECK(tk_b64_decode(text, chars, out, cap) == TK_E_RANGE,
			      "%zu into %zu", len, cap);
			CHECK(all_zero(out, cap) && out[cap] == GUARD, "%zu into %zu", len, cap);
			text[0] = '!';
			CHECK(tk_b64_decode(text, chars, out, cap) == TK_E_PARSE,
			      "%zu into %zu", len, cap);
		}
	}
}

static void wiped_on_failure(void)
{
	char text[] = "d3d3d3d3d3d3d3d3d3d3d3d!";
	uint8_t out[19];

	memset(out, GUARD, sizeof(out));
	CU_ASSERT_EQUAL(tk_b64_decode(text, strlen(text), out, sizeof(out)), TK_E_PARSE);
	CU_ASSERT(all_zero(out, 18));
	CU_ASSERT_EQUAL(out[18], GUARD);
}

static const struct unit_test tests[] = {
	{ "RFC 4648 vectors", vectors },
	{ "all lengths", all_lengths },
	{ "all bytes", all_bytes },
	{ "all characters", all_characters },
	{ "all characters of a key", all_characters_of_a_key },
	{ "faults", faults },
	{ "bits under padding", bits_under_padding },
	{ "room", room },
	{ "wiped on failure", wiped_on_failure },
};
UNIT_MAIN("b64", tests)
