/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystate.c - what an open key file holds, beside the ring that is to be saved there.  Only looks.
 */
#include "common/keystate.h"

#include <string.h>

#include "common/keystore.h"

bool tk_keystore_is_state(int fd, const struct tk_ring *ring)
{
	struct tk_ring was;
	struct tk_error e;
	unsigned at = 0;
	bool same;

	if (tk_keystore_load_fd(fd, "", ring->slots, &was, NULL, &e))
		return false;
	while (at < ring->slots && !tk_key_equal(&ring->key[at], &was.key[was.slots - 1]))
		at++;
	same = at < ring->slots;
	for (unsigned i = 1; i <= at && same; i++)
		same = tk_key_equal(&ring->key[at - i], &was.key[was.slots - 1 - i]);
	tk_ring_wipe(&was);
	return same;
}

/* A parser's message about a file without a name, without that and without what ends the name in
 * `not saved: FILE: REASON`. */
static const char *bare(struct tk_error *why)
{
	static const char nobody[] = "'' : ";
	char *text = why->text;

	if (strncmp(text, nobody, strlen(nobody)) == 0)
		text += strlen(nobody);
	for (char *p = text; (p = strstr(p, ": ")) != NULL;)
		*p = ',';
	return text;
}

/* Too few, and the last one is not the ring's: somebody is about to write it. */
static bool has_other_keys(int fd, const struct tk_ring *ring)
{
	struct tk_ring last;
	struct tk_error e;
	bool other = tk_keystore_load_fd(fd, "", 1, &last, NULL, &e) == 0;

	for (unsigned i = 0; i < ring->slots && other; i++)
		other = !tk_key_equal(&ring->key[i], &last.key[0]);
	tk_ring_wipe(&last);
	return other;
}

int tk_keystore_foreign(int fd, const struct tk_ring *ring, const char *heal, struct tk_error *e)
{
	struct tk_ring there;
	struct tk_error why;
	int rc = tk_keystore_load_fd(fd, "", ring->slots, &there, NULL, &why);

	tk_ring_wipe(&there);
	if (rc == 0)
		return tk_err_set(e, TK_E_INUSE, TK_KEYSTORE_CHANGED);
	if (rc == TK_E_SYS || rc == TK_E_NOMEM)
		return tk_err_set(e, rc, "%s", bare(&why));
	if (rc == TK_E_WEAK || has_other_keys(fd, ring))
		return tk_err_set(e, TK_E_WEAK, "changed by somebody else, to what cannot be taken in (%s)",
				  bare(&why));
	return tk_err_set(e, TK_E_PARSE, "no key file any more (%s); %s", bare(&why), heal);
}
