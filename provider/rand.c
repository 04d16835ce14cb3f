/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rand.c - where randomness and time come from.
 */
#include "provider/rand.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "tkprov/err.h"

int tk_random(void *out, size_t len)
{
	uint8_t *p = out;
	ssize_t n;

	while (len > 0) {
		n = getrandom(p, len, 0);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return TK_E_SYS;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int tk_random_key(struct tk_key *out, size_t len)
{
	uint8_t bytes[TK_KEY_LEN_MAX];
	int rc = tk_random(bytes, sizeof(bytes));

	if (rc == 0)
		rc = tk_key_from_bytes(out, bytes, len);
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}

int64_t tk_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec;
}

int64_t tk_monotonic_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}
