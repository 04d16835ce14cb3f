/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyfile.c - owns the grammar of key files and HAProxy's messages about them.  Knows
 * no file system.  Every line is decoded into one key that is wiped afterwards; the
 * ring is the only place where keys stay.
 */
#include "core/keyfile.h"

#include <string.h>

#include "core/b64.h"
#include "core/weak.h"

/* Cuts the next line off text[*at..len); its LF and one CR in front of it are no part
 * of it.  *at is below len. */
static const char *next_line(const char *text, size_t len, size_t *at, size_t *line_len)
{
	const char *line = text + *at;
	const char *lf = memchr(line, '\n', len - *at);
	size_t n = lf ? (size_t)(lf - line) : len - *at;

	*at += n + (lf ? 1 : 0);
	if (n > 0 && line[n - 1] == '\r')
		n--;
	*line_len = n;
	return line;
}

/* One line into the ring.  The first one gives the ring its size. */
static int take_line(const char *line, size_t len, struct tk_ring *r, const char **weak)
{
	struct tk_key key = { .len = 0 };
	uint8_t bytes[TK_KEY_LEN_MAX];
	int n = tk_b64_decode(line, len, bytes, sizeof(bytes));
	int rc;

	if (n < 0)
		return TK_E_PARSE; /* more than 80 bytes are none of HAProxy's wrong sizes */
	rc = tk_key_from_bytes(&key, bytes, (size_t)n);
	if (!rc) {
		if (!r->key_len)
			r->key_len = key.len;
		if (key.len == r->key_len)
			*weak = tk_weak_in_ring(r, &key);
		rc = *weak ? TK_E_WEAK : tk_ring_push(r, &key);
	}
	explicit_bzero(bytes, sizeof(bytes));
	tk_key_wipe(&key);
	return rc;
}

static int take_lines(const char *text, size_t len, struct tk_ring *r, const char *file,
		      struct tk_error *e)
{
	size_t at = 0, line_len, count = 0;
	const char *weak = NULL;

	while (at < len) {
		const char *line = next_line(text, len, &at, &line_len);
		int rc = take_line(line, line_len, r, &weak);

		count++;
		if (rc == TK_E_PARSE)
			return tk_err_set(e, rc, "'%s' : unable to decode base64 key on line %zu",
					  file, count);
		if (rc == TK_E_WEAK)
			return tk_err_set(e, rc, "'%s' : weak key on line %zu: %s", file, count,
					  weak);
		if (rc)
			return tk_err_set(e, rc, "'%s' : wrong sized key on line %zu", file, count);
	}
	if (count < r->slots)
		return tk_err_set(e, TK_E_RANGE,
				  "'%s' : please supply at least %u keys in the tls-tickets-file",
				  file, r->slots);
	return 0;
}

int tk_keyfile_parse(const char *text, size_t len, unsigned slots, const char *file,
		     struct tk_ring *out, struct tk_error *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	if (slots < TK_SLOTS_MIN || slots > TK_SLOTS_MAX)
		return tk_err_set(e, TK_E_RANGE, "'%s' : a ring has %d to %d keys, not %u", file,
				  TK_SLOTS_MIN, TK_SLOTS_MAX, slots);
	out->slots = slots;
	rc = take_lines(text, len, out, file, e);
	if (rc)
		tk_ring_wipe(out);
	return rc;
}

size_t tk_keyfile_len(const struct tk_ring *r)
{
	return r->slots * (TK_B64_ENC_LEN(r->key_len) + 1);
}

void tk_keyfile_format(const struct tk_ring *r, char *out)
{
	for (unsigned i = 0; i < r->slots; i++) {
		tk_b64_encode(r->key[i].bytes, r->key_len, out);
		out += TK_B64_ENC_LEN(r->key_len);
		*out++ = '\n';
	}
	*out = '\0';
}
