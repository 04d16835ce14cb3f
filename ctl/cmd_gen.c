/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_gen.c - owns the making of new key files.  Prints their public names only.
 */
#include "ctl/cmd_gen.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/keystore.h"
#include "common/random.h"

struct wish {
	unsigned keys;
	size_t key_len;
};

static const struct option gen_options[] = {
	{"keys", required_argument, NULL, 'k'},
	{"bits", required_argument, NULL, 'b'},
	{NULL, 0, NULL, 0},
};

static bool take_keys(const char *text, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || text[0] < '0' || text[0] > '9' || n < TK_SLOTS_MIN || n > TK_SLOTS_MAX) {
		fprintf(stderr, "tkctl: gen: '%s' keys: a ring has %d to %d\n", text, TK_SLOTS_MIN,
			TK_SLOTS_MAX);
		return false;
	}
	*out = (unsigned)n;
	return true;
}

static bool take_bits(const char *text, size_t *len)
{
	if (strcmp(text, "128") != 0 && strcmp(text, "256") != 0) {
		fprintf(stderr, "tkctl: gen: '%s' bits: AES has 128 or 256 here\n", text);
		return false;
	}
	*len = strcmp(text, "128") == 0 ? TK_KEY_128_LEN : TK_KEY_256_LEN;
	return true;
}

static bool take_options(int argc, char **argv, struct wish *w)
{
	int c;

	optind = 0; /* getopt begins anew */
	while ((c = getopt_long(argc, argv, "", gen_options, NULL)) != -1) {
		if (c == 'k' && take_keys(optarg, &w->keys))
			continue;
		if (c == 'b' && take_bits(optarg, &w->key_len))
			continue;
		return false;
	}
	return true;
}

static int make_ring(const struct wish *w, struct tk_ring *out)
{
	struct tk_key key = {.len = 0};
	int rc = 0;

	*out = (struct tk_ring){.slots = w->keys, .key_len = w->key_len};
	for (unsigned i = 0; i < w->keys && !rc; i++) {
		rc = tk_random_key(&key, w->key_len);
		if (!rc)
			rc = tk_ring_push(out, &key);
	}
	tk_key_wipe(&key);
	return rc;
}

static void print_names(const struct tk_ring *r)
{
	static const char *const role[] = {"decrypts", "encrypts", "next"};
	char hex[TK_NAME_HEX + 1];

	for (unsigned i = 0; i < r->slots; i++) {
		tk_key_name_hex(tk_key_name(&r->key[i]), hex);
		printf("%u %s %s\n", i, hex, role[tk_ring_role(r->slots, i)]);
	}
}

enum tk_status tk_cmd_gen(int argc, char **argv)
{
	struct wish wish = {.keys = TK_SLOTS_DEFAULT, .key_len = TK_KEY_256_LEN};
	struct tk_ring ring;
	struct tk_error e;
	int rc;

	if (!take_options(argc, argv, &wish))
		return TK_STATUS_USAGE;
	if (optind != argc - 1) {
		fputs("usage: tkctl gen FILE [--keys N] [--bits 128|256]\n", stderr);
		return TK_STATUS_USAGE;
	}
	rc = make_ring(&wish, &ring);
	if (rc)
		tk_err_set(&e, rc, "no random bytes");
	else
		rc = tk_keystore_create(argv[optind], &ring, &e);
	if (rc)
		fprintf(stderr, "tkctl: gen: %s: %s\n", argv[optind], e.text);
	else
		print_names(&ring);
	tk_ring_wipe(&ring);
	return rc ? TK_STATUS_FAILED : TK_STATUS_DONE;
}
