/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_keyfile.c - a key file: what is accepted comes back as it was when it is written and read
 * again; what is refused leaves nothing and says why.  The first byte chooses the slots. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "core/keyfile.h"
#include "core/ring.h"

static void again(const struct tk_ring *ring, unsigned slots)
{
	size_t len = tk_keyfile_len(ring);
	char *text = malloc(len + 1);
	struct tk_ring same;
	struct tk_error e;

	FUZZ_CHECK(text != NULL && len < 4096);
	tk_keyfile_format(ring, text);
	FUZZ_CHECK(strlen(text) == len);
	FUZZ_CHECK(tk_keyfile_parse(text, len, slots, "f", &same, &e) == 0);
	FUZZ_CHECK(same.slots == ring->slots && same.key_len == ring->key_len);
	for (unsigned i = 0; i < ring->slots; i++)
		FUZZ_CHECK(tk_key_equal(&same.key[i], &ring->key[i]));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct tk_ring zero;
	struct tk_error e = { .text = "" };
	struct tk_ring ring;
	unsigned slots;
	char *text;
	int rc;

	if (len == 0)
		return 0;
	slots = 1 + data[0] % TK_SLOTS_MAX;
	text = malloc(len); /* of its own, so that a byte too far is seen */
	FUZZ_CHECK(text != NULL);
	memcpy(text, data + 1, len - 1);
	rc = tk_keyfile_parse(text, len - 1, slots, "f", &ring, &e);
	if (rc == 0) {
		FUZZ_CHECK(ring.slots == slots);
		again(&ring, slots);
	} else {
		FUZZ_CHECK(strncmp(e.text, "'f' : ", 6) == 0);
		FUZZ_CHECK(memcmp(&ring, &zero, sizeof(zero)) == 0);
	}
	free(text);
	return 0;
}
