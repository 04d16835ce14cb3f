/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_keys.c - the commands that change keys or their files.  Each is an operation, a
 * save, a line of the answer, one of the log and an event, in that order and one ring
 * after the other.
 */
#include <string.h>

#include "core/b64.h"
#include "core/keyfile.h"
#include "provider/clock.h"
#include "provider/command.h"
#include "provider/log.h"
#include "provider/ops.h"
#include "provider/save.h"

static struct tk_origin origin_of(const struct tk_speaker *who)
{
	return (struct tk_origin){ .added = tk_now(), .by = TK_BY_UID, .uid = who->uid };
}

static const char *words_of(const struct tk_speaker *who)
{
	return tk_commands[who->command].words;
}

static void log_change(const struct tk_speaker *who, unsigned ring, const struct tk_changed *c)
{
	char hex[TK_NAME_HEX + 1];

	if (!c->changed)
		return;
	tk_key_name_hex(c->newest, hex);
	tk_log(LOG_NOTICE, "ring %u (%s): %s, newest is %s, by uid %u pid %d (%s)", ring,
	       who->inst->conf->rings[ring].name, words_of(who), hex, who->uid, (int)who->pid,
	       who->program);
}

static void add_not_saved(const struct tk_speaker *who, unsigned ring, const struct tk_error *e,
			  struct tk_reply *out)
{
	tk_reply_addf(out, "not saved: %s: %s\n", who->inst->conf->rings[ring].file, e->text);
}

/* The key is in force whatever becomes of the file.  `why`: it was not saved; else NULL. */
static void conclude(struct tk_speaker *who, unsigned ring, const struct tk_changed *c,
		     const struct tk_error *why, struct tk_reply *out)
{
	if (why != NULL)
		add_not_saved(who, ring, why, out);
	out->severity = TK_SEV_INFO;
	log_change(who, ring, c);
	tk_speaker_record(who, ring, c->newest, why == NULL ? TK_EVENT_OK : TK_EVENT_NOT_SAVED);
}

static void finish(struct tk_speaker *who, unsigned ring, const struct tk_changed *c,
		   struct tk_reply *out)
{
	struct tk_error e;
	int rc = tk_save_ring(who->inst, ring, false, &e);

	conclude(who, ring, c, rc == 0 ? NULL : &e, out);
}

/* What was done to earlier rings stays in the answer. */
static void failed(struct tk_speaker *who, unsigned ring, struct tk_reply *out, const char *why)
{
	tk_reply_addf(out, "'%s' failed at ring %u (%s): %s.\n", words_of(who), ring,
		      who->inst->conf->rings[ring].name, why);
	out->severity = TK_SEV_ERR;
	tk_speaker_record(who, ring, NULL, TK_EVENT_FAILED);
}

static void say_replaced(unsigned ring, const struct tk_changed *c, struct tk_reply *out)
{
	char hex[TK_NAME_HEX + 1];

	tk_key_name_hex(c->encrypts, hex);
	tk_reply_addf(out, "TLS ticket keys replaced: %u.%u %s encrypts\n", ring,
		      tk_ring_encrypt_slot(c->slots), hex);
}

/* ---- set ---- */

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

static void refuse_key(struct tk_speaker *who, unsigned ring, int rc, const char *weak,
		       struct tk_reply *out)
{
	if (rc == TK_E_PARSE)
		tk_reply_msg(out, TK_SEV_ERR,
			     "'set ssl tls-key' received invalid base64 encoded TLS key.");
	else if (rc == TK_E_SIZE)
		tk_reply_msg(out, TK_SEV_ERR, "'set ssl tls-key' received a key of wrong size.");
	else if (rc == TK_E_WEAK)
		tk_reply_msg(out, TK_SEV_ERR, "'set ssl tls-key' received a weak key: %s.", weak);
	else
		tk_reply_msg(out, TK_SEV_ERR, "'set ssl tls-key' failed: %s.", tk_ops_reason(rc));
	tk_speaker_record(who, ring, NULL, TK_EVENT_FAILED);
}

void tk_command_set_key(struct tk_speaker *who, unsigned argc, char *const *argv,
			struct tk_reply *out)
{
	struct tk_origin origin = origin_of(who);
	struct tk_key key = { .len = 0 };
	struct tk_changed c;
	const char *weak = NULL;
	unsigned ring, end;
	int rc;

	if (argc < 2) {
		tk_reply_msg(out, TK_SEV_ERR, "'set ssl tls-key' expects a filename and the new TLS "
					      "key in base64 encoding.");
		return;
	}
	if (!tk_command_rings(who, argc, argv, false, &ring, &end, out))
		return;
	rc = decode_key(argv[1], &key);
	if (rc == 0)
		rc = tk_ops_set(who->inst, ring, &key, &origin, &c, &weak);
	tk_key_wipe(&key);
	if (rc != 0) {
		refuse_key(who, ring, rc, weak, out);
		return;
	}
	tk_reply_addf(out, "TLS ticket key updated!\n");
	finish(who, ring, &c, out);
}

/* ---- rotate, flush ---- */

static void say_rotated(unsigned ring, const struct tk_changed *c, struct tk_reply *out)
{
	char newest[TK_NAME_HEX + 1], encrypts[TK_NAME_HEX + 1];

	tk_key_name_hex(c->newest, newest);
	tk_key_name_hex(c->encrypts, encrypts);
	tk_reply_addf(out, "TLS ticket key rotated: %u.%u is %s, %u.%u %s encrypts\n", ring,
		      c->slots - 1, newest, ring, tk_ring_encrypt_slot(c->slots), encrypts);
}

typedef int each_fn(struct tk_instance *inst, unsigned ring, const struct tk_origin *o,
		    struct tk_changed *out);

static void each(struct tk_speaker *who, unsigned argc, char *const *argv, struct tk_reply *out,
		 each_fn *fn, void (*say)(unsigned, const struct tk_changed *, struct tk_reply *))
{
	struct tk_origin origin = origin_of(who);
	struct tk_changed c;
	unsigned ring, end;

	if (!tk_command_rings(who, argc, argv, true, &ring, &end, out))
		return;
	for (; ring < end; ring++) {
		int rc = fn(who->inst, ring, &origin, &c);

		if (rc != 0) {
			failed(who, ring, out, tk_ops_reason(rc));
			return;
		}
		say(ring, &c, out);
		finish(who, ring, &c, out);
	}
}

void tk_command_rotate(struct tk_speaker *who, unsigned argc, char *const *argv,
		       struct tk_reply *out)
{
	each(who, argc, argv, out, tk_ops_rotate, say_rotated);
}

void tk_command_flush(struct tk_speaker *who, unsigned argc, char *const *argv,
		      struct tk_reply *out)
{
	each(who, argc, argv, out, tk_ops_flush, say_replaced);
}

/* ---- reload ---- */

static bool reload(struct tk_speaker *who, unsigned ring, struct tk_reply *out)
{
	struct tk_origin origin = { .added = tk_now(), .by = TK_BY_FILE };
	struct tk_changed c;
	struct tk_error e;
	bool saved;

	if (tk_save_reload(who->inst, ring, &origin, &c, &saved, &e) != 0) {
		failed(who, ring, out, e.text);
		return false;
	}
	say_replaced(ring, &c, out);
	conclude(who, ring, &c, saved ? NULL : &e, out);
	return true;
}

/* With `*`, rings in memory have nothing to read again, and one bad file keeps no other ring from
 * what was put into its file. */
void tk_command_reload(struct tk_speaker *who, unsigned argc, char *const *argv,
		       struct tk_reply *out)
{
	bool all = true;
	unsigned ring, end;

	if (!tk_command_rings(who, argc, argv, true, &ring, &end, out))
		return;
	for (; ring < end; ring++)
		if (argv[0][0] != '*' || who->inst->conf->rings[ring].file != NULL)
			all &= reload(who, ring, out);
	if (!all)
		out->severity = TK_SEV_ERR;
}

/* ---- save ---- */

void tk_command_save(struct tk_speaker *who, unsigned argc, char *const *argv, struct tk_reply *out)
{
	const struct tk_conf_ring *rings = who->inst->conf->rings;
	struct tk_error e;
	unsigned ring, end;

	if (!tk_command_rings(who, argc, argv, true, &ring, &end, out))
		return;
	for (; ring < end; ring++) {
		int rc = 0;

		if (tk_save_wanted(who->inst, ring)) {
			rc = tk_save_ring(who->inst, ring, true, &e);
			if (rc == 0)
				tk_reply_addf(out, "TLS ticket keys saved: %u %s\n", ring,
					      rings[ring].file);
			else
				add_not_saved(who, ring, &e, out);
			tk_speaker_record(who, ring, NULL, rc == 0 ? TK_EVENT_OK : TK_EVENT_NOT_SAVED);
		} else if (argv[0][0] != '*') {
			failed(who, ring, out, "it is not one that this instance saves");
			return;
		}
		out->severity = TK_SEV_INFO;
	}
}

/* ---- replace ---- */

/* The payload is a key file of just the ring's keys. */
static int parse_keys(const struct tk_speaker *who, unsigned ring, struct tk_ring *keys,
		      struct tk_error *e)
{
	unsigned slots = who->inst->conf->rings[ring].slots, lines = 0;
	const char *p = who->payload, *end = p + who->payload_len;

	for (const char *nl = p; nl < end && (nl = memchr(nl, '\n', (size_t)(end - nl))) != NULL; nl++)
		lines++;
	lines += who->payload_len > 0 && end[-1] != '\n';
	if (lines != slots)
		return tk_err_set(e, TK_E_RANGE, "it takes just %u keys, one a line, not %u", slots,
				  lines);
	return tk_keyfile_parse(p, who->payload_len, slots, "payload", keys, e);
}

void tk_command_replace(struct tk_speaker *who, unsigned argc, char *const *argv,
			struct tk_reply *out)
{
	struct tk_origin origin = origin_of(who);
	struct tk_ring keys = { .slots = 0 };
	struct tk_changed c;
	struct tk_error e;
	unsigned ring, end;
	int rc;

	if (!tk_command_rings(who, argc, argv, false, &ring, &end, out))
		return;
	if (who->payload == NULL) {
		tk_reply_msg(out, TK_SEV_ERR, "'replace ssl tls-key' expects a ring, <<, and the keys "
					      "on the lines that follow, up to an empty one.");
		return;
	}
	rc = parse_keys(who, ring, &keys, &e);
	if (rc == 0) {
		rc = tk_ops_replace(who->inst, ring, &keys, &origin, &c);
		if (rc != 0)
			tk_err_set(&e, rc, "%s", tk_ops_reason(rc));
	}
	tk_ring_wipe(&keys);
	if (rc != 0) {
		failed(who, ring, out, e.text);
		return;
	}
	say_replaced(ring, &c, out);
	finish(who, ring, &c, out);
}
