/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.c - owns the handlers.  Their texts are HAProxy's where HAProxy has the
 * command.  A handler gets its arguments only, and never checks a level.
 */
#include "provider/command.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "core/b64.h"
#include "provider/log.h"
#include "provider/ops.h"
#include "provider/rand.h"
#include "provider/show.h"

typedef void handler_fn(struct tk_speaker *who, unsigned argc, char *const *argv,
			struct tk_reply *out);

#define NO_RING "unable to locate referenced filename"

static void log_change(const struct tk_speaker *who, const char *what, int ring,
		       const uint8_t name[static TK_NAME_LEN])
{
	char hex[TK_NAME_HEX + 1];

	tk_key_name_hex(name, hex);
	tk_log(LOG_NOTICE, "ring %d (%s): %s, newest is %s, by uid %u pid %d", ring,
	       who->inst->conf->rings[ring].name, what, hex, who->uid, (int)who->pid);
}

/* HAProxy tells a text that is not base64 from a key of another size, however long. */
static int decode_key(const char *text, struct tk_key *key)
{
	static uint8_t bytes[TK_B64_DEC_MAX(TK_LINE_MAX)]; /* the control thread's alone */
	int n = tk_b64_decode(text, strlen(text), bytes, sizeof(bytes));

	if (n >= 0) {
		int rc = tk_key_from_bytes(key, bytes, (size_t)n);

		explicit_bzero(bytes, (size_t)n);
		n = rc;
	}
	return n;
}

static void set_key(struct tk_speaker *who, unsigned argc, char *const *argv, struct tk_reply *out)
{
	struct tk_key key = { .len = 0 };
	int ring, rc;

	if (argc < 2) {
		tk_reply_msg(out, TK_SEV_ERR, "'set ssl tls-key' expects a filename and the new TLS "
					      "key in base64 encoding.");
		return;
	}
	ring = tk_instance_ring_by_word(who->inst, argv[0]);
	if (ring == TK_NO_RING) {
		tk_reply_msg(out, TK_SEV_ERR, "'set ssl tls-key' " NO_RING);
		return;
	}
	rc = decode_key(argv[1], &key);
	if (rc == 0)
		rc = tk_ops_set(who->inst, (unsigned)ring, &key);
	if (rc == TK_E_PARSE)
		tk_reply_msg(out, TK_SEV_ERR,
			     "'set ssl tls-key' received invalid base64 encoded TLS key.");
	else if (rc == TK_E_SIZE)
		tk_reply_msg(out, TK_SEV_ERR, "'set ssl tls-key' received a key of wrong size.");
	else if (rc != 0)
		tk_reply_msg(out, TK_SEV_ERR, "'set ssl tls-key' failed: %s.", tk_ops_reason(rc));
	else {
		tk_reply_msg(out, TK_SEV_INFO, "TLS ticket key updated!");
		log_change(who, "key set", ring, tk_key_name(&key));
	}
	tk_key_wipe(&key);
}

static int rotate_one(struct tk_speaker *who, unsigned ring, struct tk_reply *out)
{
	uint8_t newest[TK_NAME_LEN], encrypts[TK_NAME_LEN];
	char newest_hex[TK_NAME_HEX + 1], encrypts_hex[TK_NAME_HEX + 1];
	unsigned slots;
	int rc = tk_ops_rotate(who->inst, ring, &slots, newest, encrypts);

	if (rc != 0)
		return rc;
	tk_key_name_hex(newest, newest_hex);
	tk_key_name_hex(encrypts, encrypts_hex);
	tk_reply_addf(out, "TLS ticket key rotated: %u.%u is %s, %u.%u %s encrypts\n", ring,
		      slots - 1, newest_hex, ring, tk_ring_encrypt_slot(slots), encrypts_hex);
	log_change(who, "key rotated", (int)ring, newest);
	return 0;
}

static void rotate(struct tk_speaker *who, unsigned argc, char *const *argv, struct tk_reply *out)
{
	unsigned from = 0, to = who->inst->conf->ring_count;
	int ring, rc = 0;

	if (argc < 1) {
		tk_reply_msg(out, TK_SEV_ERR, "'rotate ssl tls-key' expects a ring: #id, a file, or *.");
		return;
	}
	if (argv[0][0] != '*') {
		ring = tk_instance_ring_by_word(who->inst, argv[0]);
		if (ring == TK_NO_RING) {
			tk_reply_msg(out, TK_SEV_ERR, "'rotate ssl tls-key' " NO_RING);
			return;
		}
		from = (unsigned)ring;
		to = from + 1;
	}
	for (; from < to && rc == 0; from++)
		rc = rotate_one(who, from, out);
	if (rc == 0)
		out->severity = TK_SEV_INFO;
	else
		tk_reply_msg(out, TK_SEV_ERR, "'rotate ssl tls-key' failed at ring %u (%s): %s.",
			     from - 1, who->inst->conf->rings[from - 1].name, tk_ops_reason(rc));
}

static void show_keys(struct tk_speaker *who, unsigned argc, char *const *argv,
		      struct tk_reply *out)
{
	int ring = TK_NO_RING;

	if (argc == 0) {
		tk_show_rings(who->inst, out);
		return;
	}
	if (argv[0][0] != '*') {
		ring = tk_instance_ring_by_word(who->inst, argv[0]);
		if (ring == TK_NO_RING) {
			tk_reply_msg(out, TK_SEV_ERR, "'show tls-keys' " NO_RING);
			return;
		}
	}
	tk_show_secrets(who->inst, ring, out);
}

static void show_info(struct tk_speaker *who, unsigned argc, char *const *argv,
		      struct tk_reply *out)
{
	(void)argc, (void)argv;
	tk_show_info(who->inst, out);
}

static void show_processes(struct tk_speaker *who, unsigned argc, char *const *argv,
			   struct tk_reply *out)
{
	(void)argc, (void)argv;
	tk_show_processes(who->inst, out);
}

static void show_version(struct tk_speaker *who, unsigned argc, char *const *argv,
			 struct tk_reply *out)
{
	(void)who, (void)argc, (void)argv;
	tk_reply_addf(out, "%s\n", PACKAGE_VERSION);
}

static void set_severity(struct tk_speaker *who, unsigned argc, char *const *argv,
			 struct tk_reply *out)
{
	if (argc < 1 || tk_sev_mode_parse(argv[0], &who->severity) != 0)
		tk_reply_msg(out, TK_SEV_ERR, "one of 'none', 'number', 'string' is a required "
					      "argument");
}

static void quit(struct tk_speaker *who, unsigned argc, char *const *argv, struct tk_reply *out)
{
	(void)argc, (void)argv, (void)out;
	who->quit = true;
}

/* help alone needs its words unsplit from the level; see tk_command_run. */
static handler_fn *const handlers[TK_CMD_COUNT] = {
	[TK_CMD_ROTATE] = rotate,
	[TK_CMD_SET_SEVERITY] = set_severity,
	[TK_CMD_SET_KEY] = set_key,
	[TK_CMD_SHOW_INFO] = show_info,
	[TK_CMD_SHOW_PROCESSES] = show_processes,
	[TK_CMD_SHOW_KEYS] = show_keys,
	[TK_CMD_SHOW_VERSION] = show_version,
	[TK_CMD_QUIT] = quit,
};

void tk_command_run(struct tk_speaker *who, const struct tk_words *words, struct tk_reply *out)
{
	unsigned first, argc;
	const struct tk_command *c = tk_command_find(words, &first, &argc);

	if (c == NULL)
		tk_commands_unknown(out, who->level, words);
	else if (who->level < tk_command_level(c, argc))
		tk_reply_msg(out, TK_SEV_ERR, "Permission denied");
	else if (c->id == TK_CMD_HELP)
		tk_commands_help(out, who->level, words, first);
	else
		handlers[c->id](who, argc, words->w + first, out);
}
