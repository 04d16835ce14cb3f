/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random.c - where randomness comes from.
 */
#include "common/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "core/weak.h"
#include "tkprov/err.h"

int tk_random(void *out, size_t len)
{
	uint8_t *p = out;

	while (len > 0) {
		ssize_t n = getrandom(p, len, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return TK_E_SYS;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Once in millions of keys of 48 bytes a part happens to be text: what is made here must
 * be taken back from its file. */
int tk_random_key(struct tk_key *out, size_t len)
{
	uint8_t bytes[TK_KEY_LEN_MAX];
	int rc;

	do {
		rc = tk_random(bytes, sizeof(bytes));
		if (rc == 0)
			rc = tk_key_from_bytes(out, bytes, len);
	} while (rc == 0 && tk_weak_key(out));
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}
