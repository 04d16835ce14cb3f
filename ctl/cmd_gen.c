/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_gen.c - owns the making of new key files.  Prints their public names only.
 */
#include "ctl/cmd_gen.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/keystore.h"
#include "common/random.h"

struct wish {
	unsigned keys;
	size_t key_len;
};

#define USAGE "tkctl gen <file> [--keys N] [--bits 128|256]"

static const struct option gen_options[] = {
	{"help", no_argument, NULL, 'h'},
	{"keys", required_argument, NULL, 'k'},
	{"bits", required_argument, NULL, 'b'},
	{NULL, 0, NULL, 0},
};

static bool take_keys(const char *text, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*end || text[0] < '0' || text[0] > '9' || n < TK_SLOTS_MIN || n > TK_SLOTS_MAX) {
		fprintf(stderr, "tkctl gen: --keys: '%s' is not a number from %d to %d\n", text,
			TK_SLOTS_MIN, TK_SLOTS_MAX);
		return false;
	}
	*out = (unsigned)n;
	return true;
}

static bool take_bits(const char *text, size_t *len)
{
	if (strcmp(text, "128") != 0 && strcmp(text, "256") != 0) {
		fprintf(stderr, "tkctl gen: --bits: '%s' is neither 128 nor 256\n", text);
		return false;
	}
	*len = strcmp(text, "128") == 0 ? TK_KEY_128_LEN : TK_KEY_256_LEN;
	return true;
}

static void print_help(void)
{
	printf("usage: " USAGE "\n"
	       "\n"
	       "  --keys N        how many, %d to %d (default: %d)\n"
	       "  --bits 128|256  the AES key's (default: 256)\n"
	       "\n"
	       "Makes a new key file, mode 0600, and prints slot and public name of each key.\n",
	       TK_SLOTS_MIN, TK_SLOTS_MAX, TK_SLOTS_DEFAULT);
}

/* False: it ends here, with *status. */
static bool take_options(int argc, char **argv, struct wish *w, enum tk_status *status)
{
	static char name[] = "tkctl gen"; /* for getopt's own messages */
	int c;

	argv[0] = name;
	optind = 0; /* getopt begins anew */
	*status = TK_STATUS_USAGE;
	while ((c = getopt_long(argc, argv, "h", gen_options, NULL)) != -1) {
		if ((c == 'k' && take_keys(optarg, &w->keys)) ||
		    (c == 'b' && take_bits(optarg, &w->key_len)))
			continue;
		if (c == 'h') {
			print_help();
			*status = TK_STATUS_DONE;
		} else if (c == '?') {
			fputs("tkctl gen: try 'tkctl gen --help'\n", stderr);
		}
		return false;
	}
	if (optind == argc - 1)
		return true;
	fputs("tkctl gen: expects one file: " USAGE "\n", stderr);
	return false;
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
	char hex[TK_NAME_HEX + 1];

	for (unsigned i = 0; i < r->slots; i++) {
		tk_key_name_hex(tk_key_name(&r->key[i]), hex);
		printf("%u %s\n", i, hex);
	}
}

enum tk_status tk_cmd_gen(int argc, char **argv)
{
	struct wish wish = {.keys = TK_SLOTS_DEFAULT, .key_len = TK_KEY_256_LEN};
	enum tk_status status;
	struct tk_ring ring;
	struct tk_error e;
	int rc;

	if (!take_options(argc, argv, &wish, &status))
		return status;
	signal(SIGXFSZ, SIG_IGN); /* a file limit is an error like a full disk */
	rc = make_ring(&wish, &ring);
	if (rc)
		tk_err_set(&e, rc, "no random bytes");
	else
		rc = tk_keystore_create(argv[optind], &ring, &e);
	if (rc)
		fprintf(stderr, "tkctl gen: %s: %s%s\n", argv[optind], e.text,
			rc == TK_E_INUSE ? "; gen does not overwrite" : "");
	else
		print_names(&ring);
	tk_ring_wipe(&ring);
	return rc ? TK_STATUS_FAILED : TK_STATUS_DONE;
}
