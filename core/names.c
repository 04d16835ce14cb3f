/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - owns the table of server names: open addressing, FNV-1a, never more than
 * half full.  Knows no TLS beyond the server_name extension's bytes.
 *
 * Hashes run from the last character to the first, so that one pass over a name gives
 * the hash of every suffix on the way; the last hit at a dot is the longest suffix.
 * Names come from the configuration only: whoever sends an SNI cannot lengthen a chain.
 */
#include "core/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tkprov/limits.h"

#define HOST_MAX 253
#define LABEL_MAX 63
#define FIRST_CAP 16 /* a power of two, as all that follow */

#define SHORT 48

/* One line of the cache, which is all that a look-up in a large table has to wait for. */
struct entry {
	uint64_t hash;
	int ring;
	uint16_t len; /* of the host; 0: free */
	bool suffix;  /* stands for all that ends in .host */
	union {       /* lower case, without `*.` */
		char host[SHORT];
		char *long_host; /* where len is more than SHORT */
	};
};
_Static_assert(sizeof(struct entry) == 64, "an entry is one line");

struct tk_names {
	struct entry *table;
	size_t cap, used;
	int default_ring;
};

#define HASH_START 0xcbf29ce484222325U

static uint64_t hash_more(uint64_t hash, char c)
{
	return (hash ^ (unsigned char)c) * 0x100000001b3U;
}

static char to_lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

struct tk_names *tk_names_new(void)
{
	struct tk_names *names = calloc(1, sizeof(*names));

	if (names)
		names->default_ring = TK_NO_RING;
	return names;
}

void tk_names_free(struct tk_names **names)
{
	struct tk_names *n = *names;

	*names = NULL;
	if (!n)
		return;
	for (size_t i = 0; i < n->cap; i++)
		if (n->table[i].len > SHORT)
			free(n->table[i].long_host);
	free(n->table);
	free(n);
}

static const char *host_of(const struct entry *e)
{
	return e->len > SHORT ? e->long_host : e->host;
}

static bool same(const struct entry *e, uint64_t hash, const char *host, size_t len, bool suffix)
{
	return e->hash == hash && e->suffix == suffix && e->len == len &&
	       !memcmp(host_of(e), host, len);
}

/* The entry, or the free place where it belongs.  cap is not 0. */
static struct entry *probe(const struct tk_names *names, uint64_t hash, const char *host,
			   size_t len, bool suffix)
{
	size_t i = (size_t)(hash ^ hash >> 32) & (names->cap - 1);

	while (names->table[i].len && !same(&names->table[i], hash, host, len, suffix))
		i = (i + 1) & (names->cap - 1);
	return &names->table[i];
}

static int grow(struct tk_names *names)
{
	struct tk_names bigger = { .cap = names->cap ? names->cap * 2 : FIRST_CAP };

	if (2 * (names->used + 1) <= names->cap)
		return 0;
	bigger.table = aligned_alloc(sizeof(struct entry), bigger.cap * sizeof(struct entry));
	if (!bigger.table)
		return TK_E_NOMEM;
	memset(bigger.table, 0, bigger.cap * sizeof(struct entry));
	for (size_t i = 0; i < names->cap; i++) {
		const struct entry *e = &names->table[i];

		if (e->len)
			*probe(&bigger, e->hash, host_of(e), e->len, e->suffix) = *e;
	}
	free(names->table);
	names->table = bigger.table;
	names->cap = bigger.cap;
	return 0;
}

static bool name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels of 1 to 63 characters with dots between. */
static bool host_ok(const char *host, size_t len)
{
	size_t label = 0;

	for (size_t i = 0; i < len; i++) {
		if (host[i] == '.' && label == 0)
			return false;
		if (host[i] != '.' && (!name_char(host[i]) || label == LABEL_MAX))
			return false;
		label = host[i] == '.' ? 0 : label + 1;
	}
	return label > 0;
}

/* Writes the name in lower case and without a dot at its end; its new length. */
static size_t fold(const char *name, size_t len, char out[static TK_SNI_MAX])
{
	for (size_t i = 0; i < len; i++)
		out[i] = to_lower(name[i]);
	return len > 0 && out[len - 1] == '.' ? len - 1 : len;
}

/* host is folded and checked. */
static int add_host(struct tk_names *names, const char *host, size_t len, bool suffix, int ring,
		    int *other)
{
	uint64_t hash = HASH_START;
	struct entry *e;
	int rc = grow(names);

	if (rc)
		return rc;
	for (size_t i = len; i-- > 0;)
		hash = hash_more(hash, host[i]);
	e = probe(names, hash, host, len, suffix);
	if (e->len) {
		*other = e->ring;
		return TK_E_INUSE;
	}
	if (len > SHORT) {
		e->long_host = malloc(len);
		if (!e->long_host)
			return TK_E_NOMEM;
	}
	memcpy(len > SHORT ? e->long_host : e->host, host, len);
	e->len = (uint16_t)len;
	e->hash = hash;
	e->suffix = suffix;
	e->ring = ring;
	names->used++;
	return 0;
}

int tk_names_add(struct tk_names *names, const char *name, int ring, int *other)
{
	char folded[TK_SNI_MAX];
	const char *host = folded;
	size_t len = strlen(name);
	bool suffix;

	if (len > sizeof(folded))
		return TK_E_PARSE;
	len = fold(name, len, folded);
	if (len > HOST_MAX)
		return TK_E_PARSE;
	suffix = len >= 2 && !memcmp(folded, "*.", 2);
	if (suffix) {
		host += 2;
		len -= 2;
	}
	if (!host_ok(host, len))
		return TK_E_PARSE;
	return add_host(names, host, len, suffix, ring, other);
}

int tk_names_set_default(struct tk_names *names, int ring, int *other)
{
	if (names->default_ring != TK_NO_RING) {
		*other = names->default_ring;
		return TK_E_INUSE;
	}
	names->default_ring = ring;
	return 0;
}

int tk_names_lookup(const struct tk_names *names, const char *sni, size_t len)
{
	char name[TK_SNI_MAX];
	uint64_t hash = HASH_START;
	int ring = names->default_ring;
	const struct entry *e;

	if (len == 0 || len > sizeof(name) || !names->used)
		return ring;
	len = fold(sni, len, name);
	for (size_t i = len; i-- > 0; hash = hash_more(hash, name[i])) {
		if (name[i] != '.' || i == 0)
			continue;
		e = probe(names, hash, name + i + 1, len - i - 1, true);
		if (e->len)
			ring = e->ring;
	}
	e = probe(names, hash, name, len, false);
	return e->len ? e->ring : ring;
}

/* Cuts a length of two bytes and as many bytes behind it off *p; NULL if they are not
 * all there. */
static const uint8_t *take_vector(const uint8_t **p, size_t *left, size_t *len)
{
	const uint8_t *body = *p + 2;

	if (*left < 2)
		return NULL;
	*len = (size_t)(*p)[0] << 8 | (*p)[1];
	if (*left - 2 < *len)
		return NULL;
	*p = body + *len;
	*left -= 2 + *len;
	return body;
}

int tk_names_from_ext(const uint8_t *ext, size_t ext_len, const char **name, size_t *len)
{
	const uint8_t *found = NULL;
	size_t found_len = 0, left;
	const uint8_t *p = take_vector(&ext, &ext_len, &left);

	*name = NULL;
	*len = 0;
	if (!p || ext_len != 0)
		return TK_E_PARSE;
	while (left > 0) {
		uint8_t type = *p++;
		size_t body_len;
		const uint8_t *body;

		left--;
		body = take_vector(&p, &left, &body_len);
		if (!body || (type == 0 && body_len == 0))
			return TK_E_PARSE;
		if (type == 0 && !found) {
			found = body;
			found_len = body_len;
		}
	}
	if (!found)
		return TK_E_PARSE;
	*name = (const char *)found;
	*len = found_len;
	return 0;
}
