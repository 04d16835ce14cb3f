/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tag.c - owns the bytes of the tag and the verdict.  Knows no SSL and no clock.  A tag
 * of another version, length or with flags that are not known is no tag: its ticket is
 * refused, which costs a full handshake and nothing else.
 */
#include "core/tag.h"

#include <string.h>

#include "tkprov/err.h"

#define MAGIC "tkpv"
#define MAGIC_LEN 4
#define VERSION 1
#define FLAG_VERIFIES 1

enum {
	AT_VERSION = MAGIC_LEN,
	AT_FLAGS,
	AT_SITE,
	AT_CONTEXT = AT_SITE + TK_SITE_LEN,
	AT_BORN = AT_CONTEXT + 8,
	AT_END = AT_BORN + 8,
};
_Static_assert(AT_END == TK_TAG_LEN, "the tag's fields fill it");

static void put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static uint64_t get_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | p[i];
	return v;
}

void tk_tag_put(const struct tk_tag *tag, uint8_t out[static TK_TAG_LEN])
{
	memcpy(out, MAGIC, MAGIC_LEN);
	out[AT_VERSION] = VERSION;
	out[AT_FLAGS] = tag->verifies ? FLAG_VERIFIES : 0;
	memcpy(out + AT_SITE, tag->site, TK_SITE_LEN);
	put_u64(out + AT_CONTEXT, tag->context);
	put_u64(out + AT_BORN, (uint64_t)tag->born);
}

int tk_tag_get(struct tk_tag *tag, const uint8_t *data, size_t len)
{
	if (len != TK_TAG_LEN || memcmp(data, MAGIC, MAGIC_LEN) != 0)
		return TK_E_PARSE;
	if (data[AT_VERSION] != VERSION || (data[AT_FLAGS] & ~FLAG_VERIFIES) != 0)
		return TK_E_PARSE;
	tag->verifies = (data[AT_FLAGS] & FLAG_VERIFIES) != 0;
	memcpy(tag->site, data + AT_SITE, TK_SITE_LEN);
	tag->context = get_u64(data + AT_CONTEXT);
	tag->born = (int64_t)get_u64(data + AT_BORN);
	return 0;
}

/* Unsigned, so that no pair of times overflows. */
static bool too_old(int64_t born, int64_t now, int64_t max_age)
{
	uint64_t apart = now >= born ? (uint64_t)now - (uint64_t)born
				     : (uint64_t)born - (uint64_t)now;

	return max_age < 0 || apart > (uint64_t)max_age;
}

enum tk_verdict tk_tag_judge(const struct tk_tag *tag, const struct tk_scene *scene)
{
	if (scene->scope == TK_SCOPE_SHARED)
		return TK_VERDICT_GOOD;
	if (!tag)
		return TK_VERDICT_NO_TAG;
	if (memcmp(tag->site, scene->site, TK_SITE_LEN) != 0)
		return TK_VERDICT_SITE;
	if (too_old(tag->born, scene->now, scene->max_age))
		return TK_VERDICT_AGE;
	if (tag->context == scene->context)
		return TK_VERDICT_GOOD;
	if (scene->scope == TK_SCOPE_CONTEXT || scene->certs_in_play || tag->verifies)
		return TK_VERDICT_CONTEXT;
	return TK_VERDICT_GOOD;
}
