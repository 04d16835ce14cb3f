/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_keyfile.c - key files: every fault with HAProxy 2.6.12's words (compared with
 * `haproxy -c` on the same files), what is not a fault, and the last N lines for every N.
 */
#include "tests/unit/unit.h"

#include "core/b64.h"
#include "core/keyfile.h"

#define FILE_NAME "/etc/keys/a b.key"
#define TEXT_MAX 65536

struct text {
	size_t len;
	char s[TEXT_MAX];
};

static void add_n(struct text *t, const char *s, size_t len)
{
	if (len > sizeof(t->s) - t->len)
		abort();
	memcpy(t->s + t->len, s, len);
	t->len += len;
}

static void add(struct text *t, const char *s)
{
	add_n(t, s, strlen(s));
}

static void make_bytes(uint8_t *bytes, unsigned id, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(id * 11 + i * i * 7 + 3);
	if (len)
		bytes[0] = (uint8_t)id;
}

/* The base64 of `len` bytes that are different for every id. */
static void add_key(struct text *t, unsigned id, size_t len)
{
	char text[TK_B64_ENC_LEN(128) + 1];
	uint8_t bytes[128];

	make_bytes(bytes, id, len);
	tk_b64_encode(bytes, len, text);
	add(t, text);
}

/*
 * One line of a script per file: a digit or letter is a piece of text.
 *   k K  a key of 48, 80 bytes      s   3 bytes      a b c d  47, 49, 64, 79 bytes
 *   x X  81, 84 bytes               n N LF, CR LF    r  CR
 *   #    a comment                  _   a space      0  a NUL
 *   u    a url-safe character pair  p   a key of 80 without its padding
 *   e    `====`                     l   40,000 characters of base64
 *   v    a key of 80 with bits under its padding
 */
static void add_piece(struct text *t, char piece, unsigned id)
{
	static char base64[40000];

	switch (piece) {
	case 'k': add_key(t, id, 48); break;
	case 'K': add_key(t, id, 80); break;
	case 's': add_key(t, id, 3); break;
	case 'a': add_key(t, id, 47); break;
	case 'b': add_key(t, id, 49); break;
	case 'c': add_key(t, id, 64); break;
	case 'd': add_key(t, id, 79); break;
	case 'x': add_key(t, id, 81); break;
	case 'X': add_key(t, id, 84); break;
	case 'n': add(t, "\n"); break;
	case 'N': add(t, "\r\n"); break;
	case 'r': add(t, "\r"); break;
	case '#': add(t, "# keys"); break;
	case '_': add(t, " "); break;
	case '0': add_n(t, "", 1); break;
	case 'u': add_key(t, id, 48), memcpy(t->s + t->len - 2, "-_", 2); break;
	case 'p': add_key(t, id, 80), t->len--; break;
	case 'e': add(t, "===="); break;
	case 'l': memset(base64, 'A', sizeof(base64)), add_n(t, base64, sizeof(base64)); break;
	case 'v': add_key(t, id, 80), t->s[t->len - 2]++; break;
	default: abort();
	}
}

static void build(struct text *t, const char *script)
{
	t->len = 0;
	for (unsigned id = 0; script[id]; id++)
		add_piece(t, script[id], id);
}

#define AT(n, text) "'" FILE_NAME "' : " text " on line " #n
#define BAD(n) TK_E_PARSE, AT(n, "unable to decode base64 key")
#define SIZE(n) TK_E_SIZE, AT(n, "wrong sized key")
#define FEW TK_E_RANGE, "'" FILE_NAME "' : please supply at least 3 keys in the tls-tickets-file"
#define FINE 0, NULL

static const struct {
	const char *script;
	int rc;
	const char *message;
} rows[] = {
	{ "knknkn", FINE },   { "KnKnKn", FINE },   { "kNkNkN", FINE },	{ "knknk", FINE },
	{ "kNkNk", FINE },    { "knknkr", FINE },   { "knkNkn", FINE },	{ "knknknkn", FINE },
	{ "vnKnKn", FINE },   { "knknknknknknknk", FINE },

	{ "", FEW },	      { "kn", FEW },	    { "knkn", FEW },	{ "knk", FEW },
	{ "K", FEW },

	{ "n", SIZE(1) },     { "N", SIZE(1) },	    { "r", SIZE(1) },	{ "nknknkn", SIZE(1) },
	{ "knnknkn", SIZE(2) }, { "knknknn", SIZE(4) }, { "knknknN", SIZE(4) },
	{ "knknknr", SIZE(4) }, { "Nknknkn", SIZE(1) },
	{ "sn", SIZE(1) },    { "an", SIZE(1) },    { "bn", SIZE(1) },	{ "cn", SIZE(1) },
	{ "dn", SIZE(1) },    { "knsn", SIZE(2) },  { "knKnkn", SIZE(2) },
	{ "Knkn", SIZE(2) },  { "knknknKn", SIZE(4) }, { "KnKnKnk", SIZE(4) },

	{ "xn", BAD(1) },     { "Xn", BAD(1) },	    { "knxn", BAD(2) },	{ "#nknknkn", BAD(1) },
	{ "knknkn#n", BAD(4) }, { "k_nknkn", BAD(1) }, { "_knknkn", BAD(1) },
	{ "kn_nknkn", BAD(2) }, { "unknkn", BAD(1) }, { "pnKnKn", BAD(1) },
	{ "en", BAD(1) },     { "keknkn", BAD(1) }, { "krNknkn", BAD(1) },
	{ "krkrkn", BAD(1) }, { "ln", BAD(1) },	    { "l", BAD(1) },	{ "knknknl", BAD(4) },
	{ "0nknknkn", BAD(1) }, { "k0nknkn", BAD(1) }, { "knk0#nkn", BAD(2) },
	{ "knknkn0", BAD(4) }, { "knknk0", BAD(3) },

	/* the first fault is told, and faults before too few keys */
	{ "kn#nKn", BAD(2) }, { "knKn#n", SIZE(2) }, { "knn", SIZE(2) },	{ "kn#", BAD(2) },
};

static bool is_empty(const struct tk_ring *r)
{
	static const struct tk_ring zero;

	return !memcmp(r, &zero, sizeof(zero));
}

static void faults(void)
{
	static struct text t;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tk_error e = { .text = "" };
		struct tk_ring r;
		int rc;

		memset(&r, 0xee, sizeof(r));
		build(&t, rows[i].script);
		rc = tk_keyfile_parse(t.s, t.len, 3, FILE_NAME, &r, &e);
		CHECK(rc == rows[i].rc, "%s: %d, not %d", rows[i].script, rc, rows[i].rc);
		if (rows[i].message) {
			CHECK(!strcmp(e.text, rows[i].message), "%s: %s", rows[i].script, e.text);
			CHECK(e.code == rows[i].rc, "%s", rows[i].script);
			CHECK(is_empty(&r), "%s", rows[i].script);
		} else {
			CHECK(e.text[0] == '\0', "%s: %s", rows[i].script, e.text);
			CHECK(r.slots == 3, "%s", rows[i].script);
		}
	}
}

/* The same files from memory of exactly their size: nothing behind it is read. */
static void no_byte_behind(void)
{
	static struct text t;

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tk_ring r;
		char *exact;

		build(&t, rows[i].script);
		exact = malloc(t.len ? t.len : 1);
		if (!exact)
			abort();
		memcpy(exact, t.s, t.len);
		CHECK(tk_keyfile_parse(exact, t.len, 3, FILE_NAME, &r, NULL) == rows[i].rc, "%s",
		      rows[i].script);
		free(exact);
	}
}

static void build_lines(struct text *t, unsigned lines, size_t len, const char *eol)
{
	t->len = 0;
	for (unsigned id = 0; id < lines; id++) {
		add_key(t, id, len);
		add(t, eol);
	}
}

static void check_last(const struct text *t, unsigned n, unsigned lines, size_t len)
{
	struct tk_error e;
	struct tk_ring r;
	uint8_t want[80];
	char few[200];
	int rc = tk_keyfile_parse(t->s, t->len, n, FILE_NAME, &r, &e);

	if (lines < n) {
		snprintf(few, sizeof(few),
			 "'" FILE_NAME "' : please supply at least %u keys in the tls-tickets-file",
			 n);
		CHECK(rc == TK_E_RANGE && !strcmp(e.text, few), "%u of %u lines", n, lines);
		CHECK(is_empty(&r), "%u of %u lines", n, lines);
		return;
	}
	CHECK(rc == 0 && r.slots == n && r.key_len == len, "%u of %u lines", n, lines);
	for (unsigned slot = 0; slot < n; slot++) {
		make_bytes(want, lines - n + slot, len);
		CHECK(r.key[slot].len == len && !memcmp(r.key[slot].bytes, want, len),
		      "%u of %u lines, slot %u", n, lines, slot);
	}
}

static void last_lines_count(void)
{
	static const char *const eols[] = { "\n", "\r\n" };
	static const size_t lens[] = { 48, 80 };
	static struct text t;

	for (unsigned i = 0; i < 4; i++) {
		size_t len = lens[i / 2];

		for (unsigned lines = 0; lines <= 2 * TK_SLOTS_MAX; lines++) {
			build_lines(&t, lines, len, eols[i % 2]);
			for (unsigned n = TK_SLOTS_MIN; n <= TK_SLOTS_MAX; n++)
				check_last(&t, n, lines, len);
		}
	}
}

static void silly_slots(void)
{
	static const unsigned slots[] = { 0, TK_SLOTS_MAX + 1, 1000 };
	static struct text t;

	build_lines(&t, 40, 48, "\n");
	for (size_t i = 0; i < COUNT(slots); i++) {
		struct tk_ring r;

		CHECK(tk_keyfile_parse(t.s, t.len, slots[i], FILE_NAME, &r, NULL) == TK_E_RANGE,
		      "%u slots", slots[i]);
		CHECK(is_empty(&r), "%u slots", slots[i]);
	}
}

/* What is written is what was read, and as long as was said. */
static void format(void)
{
	static const size_t lens[] = { 48, 80 };
	static struct text t;
	static char out[TEXT_MAX];

	for (size_t l = 0; l < COUNT(lens); l++) {
		for (unsigned n = TK_SLOTS_MIN; n <= TK_SLOTS_MAX; n++) {
			struct tk_ring r;

			build_lines(&t, n, lens[l], "\n");
			CHECK(tk_keyfile_parse(t.s, t.len, n, FILE_NAME, &r, NULL) == 0, "%u", n);
			memset(out, 'g', sizeof(out));
			tk_keyfile_format(&r, out);
			CHECK(tk_keyfile_len(&r) == t.len, "%u of %zu", n, lens[l]);
			CHECK(!memcmp(out, t.s, t.len) && out[t.len] == '\0' &&
				      out[t.len + 1] == 'g',
			      "%u of %zu", n, lens[l]);
		}
	}
}

static const struct unit_test tests[] = {
	{ "faults", faults },
	{ "no byte behind", no_byte_behind },
	{ "last lines count", last_lines_count },
	{ "silly slots", silly_slots },
	{ "format", format },
};
UNIT_MAIN("keyfile", tests)
