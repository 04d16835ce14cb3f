/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.c - owns the table of server names: open addressing, never more than three quarters
 * full.  Knows no TLS beyond the server_name extension's bytes.
 *
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

#define SHORT 56

/* One line of the cache, and one of memory that a look-up among many names has to wait for. */
struct entry {
	union { /* lower case, without `*.` */
		char host[SHORT];
		char *long_host; /* where len is more than SHORT */
	};
	uint16_t len; /* of the host */
	bool suffix;  /* stands for all that ends in .host */
};
_Static_assert(sizeof(struct entry) == 64, "an entry is one line");

/* Small enough for ten thousand to stay in a cache: who is meant is known before its entry has
 * come from memory and says so. */
struct place {
	uint64_t hash;
	uint32_t entry; /* from 1; 0: free */
	int32_t ring;
};

struct tk_names {
	struct place *place;
	struct entry *entry; /* in the order in which they were added */
	size_t cap, used;
	int default_ring;
	void (*soon)(void *arg, int ring);
	void *soon_arg;
};

/* A name in lower case, and zeros behind it for the last word of its hash. */
struct folded {
	size_t len;
	char name[TK_SNI_MAX + sizeof(uint64_t)];
};

/* Of the end of a folded name, a word at a time. */
static uint64_t hash_of(const char *host, size_t len)
{
	uint64_t hash = len, word;

	for (size_t i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, host + i, sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
		hash ^= hash >> 32;
	}
	return hash;
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
	for (size_t i = 0; i < n->used; i++)
		if (n->entry[i].len > SHORT)
			free(n->entry[i].long_host);
	free(n->place);
	free(n->entry);
	free(n);
}

void tk_names_soon(struct tk_names *names, void (*soon)(void *arg, int ring), void *arg)
{
	names->soon = soon;
	names->soon_arg = arg;
}

static bool same(const struct entry *e, const char *host, size_t len, bool suffix)
{
	return e->suffix == suffix && e->len == len &&
	       !memcmp(e->len > SHORT ? e->long_host : e->host, host, len);
}

/* The place of that name, or the free one where it belongs.  cap is not 0. */
static struct place *probe(const struct tk_names *names, uint64_t hash, const char *host,
			   size_t len, bool suffix)
{
	for (size_t i = (size_t)hash;; i++) {
		struct place *p = &names->place[i & (names->cap - 1)];

		if (!p->entry)
			return p;
		if (p->hash != hash)
			continue;
		if (names->soon)
			names->soon(names->soon_arg, p->ring);
		if (same(&names->entry[p->entry - 1], host, len, suffix))
			return p;
	}
}

/* Each is another one, so the first free place is its own. */
static void put_in(struct tk_names *names, const struct place *what)
{
	size_t i = (size_t)what->hash;

	while (names->place[i & (names->cap - 1)].entry)
		i++;
	names->place[i & (names->cap - 1)] = *what;
}

static size_t room(size_t cap)
{
	return cap / 4 * 3;
}

static int grow(struct tk_names *names)
{
	struct tk_names bigger = *names;

	if (names->used < room(names->cap))
		return 0;
	bigger.cap = names->cap ? names->cap * 2 : FIRST_CAP;
	bigger.place = calloc(bigger.cap, sizeof(struct place));
	bigger.entry = aligned_alloc(sizeof(struct entry), room(bigger.cap) * sizeof(struct entry));
	if (!bigger.place || !bigger.entry) {
		free(bigger.place);
		free(bigger.entry);
		return TK_E_NOMEM;
	}
	if (names->used)
		memcpy(bigger.entry, names->entry, names->used * sizeof(struct entry));
	for (size_t i = 0; i < names->cap; i++)
		if (names->place[i].entry)
			put_in(&bigger, &names->place[i]);
	free(names->place);
	free(names->entry);
	*names = bigger;
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

/* Without a dot at its end.  False: it is too long. */
static bool fold(const char *name, size_t len, struct folded *out)
{
	if (len > TK_SNI_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		out->name[i] = to_lower(name[i]);
	out->len = len > 0 && out->name[len - 1] == '.' ? len - 1 : len;
	memset(out->name + out->len, 0, sizeof(uint64_t));
	return true;
}

static int fill(struct entry *e, const char *host, size_t len, bool suffix)
{
	memset(e, 0, sizeof(*e));
	if (len > SHORT) {
		e->long_host = malloc(len);
		if (!e->long_host)
			return TK_E_NOMEM;
	}
	memcpy(len > SHORT ? e->long_host : e->host, host, len);
	e->len = (uint16_t)len;
	e->suffix = suffix;
	return 0;
}

/* host is checked, and the end of a folded name. */
static int add_host(struct tk_names *names, const char *host, size_t len, bool suffix, int ring,
		    int *other)
{
	uint64_t hash = hash_of(host, len);
	struct place *p;
	int rc = grow(names);

	if (rc)
		return rc;
	p = probe(names, hash, host, len, suffix);
	if (p->entry) {
		*other = p->ring;
		return TK_E_INUSE;
	}
	rc = fill(&names->entry[names->used], host, len, suffix);
	if (rc)
		return rc;
	*p = (struct place){ .hash = hash, .entry = (uint32_t)++names->used, .ring = ring };
	return 0;
}

int tk_names_add(struct tk_names *names, const char *name, int ring, int *other)
{
	struct folded folded;
	const char *host = folded.name;
	size_t len;
	bool suffix;

	if (!fold(name, strlen(name), &folded) || folded.len > HOST_MAX)
		return TK_E_PARSE;
	len = folded.len;
	suffix = len >= 2 && !memcmp(host, "*.", 2);
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

static const struct place *find(const struct tk_names *names, const char *host, size_t len,
				bool suffix)
{
	const struct place *p = probe(names, hash_of(host, len), host, len, suffix);

	return p->entry ? p : NULL;
}

/* From the longest suffix to the shortest. */
int tk_names_lookup(const struct tk_names *names, const char *sni, size_t len)
{
	struct folded folded;
	const struct place *p;
	const char *host = folded.name;

	if (len == 0 || !names->used || !fold(sni, len, &folded))
		return names->default_ring;
	len = folded.len;
	p = find(names, host, len, false);
	for (size_t i = 1; p == NULL && i < len; i++)
		if (host[i] == '.')
			p = find(names, host + i + 1, len - i - 1, true);
	return p != NULL ? p->ring : names->default_ring;
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
