/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save.c - owns tkctl's writing of key files: what the server said, what the file holds,
 * and whether it may be overwritten.  How it is written is common/keystore's.
 *
 * The server names the file and shows the keys, and may be one that was taken over: that a
 * file is its own, it proves by knowing the keys that the file holds, or a tkprov.conf says
 * so (trust.h).  What it says of times and of what was before proves nothing.
 *
 * The lock on the file lets one tkctl after the other ask for the ring and write it, so that
 * an older state cannot follow a newer one.
 */
#include "ctl/save.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/keystate.h"
#include "common/keystore.h"
#include "core/keyfile.h"
#include "core/words.h"
#include "ctl/client.h"
#include "ctl/request.h"
#include "ctl/trust.h"

#define NOT_SAVED "not saved: "
#define LOCK_MS 2000 /* for others to be done with the file */

/* Why not, and what would help. */
#define FOREIGN                                                                                    \
	"not the ring's keys: changed by somebody else ('reload ssl tls-key' takes it in), or "    \
	"left behind by changes that were not saved (tkctl writes over such a file where "         \
	TK_TRUST_CONFS " names it and this socket, in a folder that only root can change)"
#define GONE                                                                                       \
	TK_KEYSTORE_GONE "; tkctl makes it anew where " TK_TRUST_CONFS " names it and this "       \
	"socket, in a folder that only root can change"
#define HEAL                                                                                       \
	"'tkctl save' writes the ring into it where the server may write it, or where "            \
	TK_TRUST_CONFS " names it and this socket, in a folder that only root can change; else "   \
	"it needs the keys that 'show tls-keys' shows"
#define LOOSE                                                                                      \
	"it has not just the ring's lines, and is not renamed over in a folder that others "       \
	"can change"

/* What the server has. */
struct state {
	struct tk_ring ring;
	char id[16];
	int64_t newest; /* when its newest key came; 0: not known */
	char *events;   /* rows of `show tls-key-events`, allocated; NULL: not shown */
};

/* ---- the server ---- */

static int make_question(struct tk_request *q, const char *file, struct tk_error *e)
{
	char line[TK_LINE_MAX] = "show tls-key-slots", keys[TK_LINE_MAX] = "show tls-keys";
	static const char events[] = "show tls-key-events 512";
	char *words[] = {line};

	if (tk_words_quote(line, sizeof(line), file) || tk_words_quote(keys, sizeof(keys), file) ||
	    strlen(line) + strlen(keys) + sizeof(events) + 2 > sizeof(line))
		return tk_err_set(e, TK_E_RANGE, "its name is too long to be asked for");
	strcat(strcat(strcat(strcat(line, ";"), keys), ";"), events);
	return tk_request_make(q, 1, words, e);
}

/* Rows of the audit table give id and time, rows of secrets the keys' text. */
static void take_row(const char *row, char *text, size_t *used, unsigned *keys, struct state *out)
{
	unsigned ring, slot;
	int at = 0;

	if (sscanf(row, "%u.%u %n", &ring, &slot, &at) == 2 && at > 0 && *keys < TK_SLOTS_MAX) {
		size_t len = strlen(row + at);

		memcpy(text + *used, row + at, len);
		text[*used + len] = '\n';
		*used += len + 1;
		++*keys;
	} else if (sscanf(row, "%u\t%u\t%*[a-z]\t%*s\t%*u\t%n", &ring, &slot, &at) == 2 &&
		   at > 0) {
		out->newest = strtoll(row + at, NULL, 10); /* the last row's */
		snprintf(out->id, sizeof(out->id), "%u", ring);
	}
}

static int parse_state(char *answer, size_t len, struct state *out, struct tk_error *e)
{
	char *text = malloc(len + 1), *rest = answer, *row, *events = strstr(answer, "# time\t");
	size_t used = 0;
	unsigned keys = 0;
	int rc;

	if (!text)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	out->events = events ? strdup(events) : NULL;
	while ((row = strsep(&rest, "\n")) != NULL)
		take_row(row, text, &used, &keys, out);
	if (keys)
		rc = tk_keyfile_parse(text, used, keys, "the server's ring", &out->ring, e);
	else
		rc = tk_err_set(e, TK_E_DENIED, "the server does not show its keys");
	explicit_bzero(text, len + 1);
	free(text);
	return rc;
}

static void fini_state(struct state *s)
{
	tk_ring_wipe(&s->ring);
	free(s->events);
}

static int ask_state(const char *socket, const char *file, struct state *out, struct tk_error *e)
{
	static struct tk_request question;
	struct tk_reply answer = {0};
	int rc = make_question(&question, file, e);

	memset(out, 0, sizeof(*out));
	if (!rc)
		rc = tk_client_ask(socket, question.line, question.len, &answer, e);
	if (!rc)
		rc = parse_state(answer.text, answer.len, out, e);
	tk_reply_fini(&answer);
	tk_request_wipe(&question);
	return rc;
}

/* ---- the file ---- */

/* Was a key of that name ever the newest of the ring?  By the events, as far back as they
 * go. */
static bool was_newest(const struct state *s, const uint8_t name[static TK_NAME_LEN])
{
	char hex[TK_NAME_HEX + 1], want[TK_NAME_HEX + sizeof(s->id) + 4];

	tk_key_name_hex(name, hex);
	snprintf(want, sizeof(want), "\t%s\t%s\t", s->id, hex);
	return s->events && s->id[0] && strstr(s->events, want) != NULL;
}

static bool was_state(int fd, const struct state *s)
{
	struct tk_ring last;
	struct tk_error why;
	bool was = !tk_keystore_load_fd(fd, "", 1, &last, NULL, &why) &&
		   was_newest(s, tk_key_name(&last.key[0]));

	tk_ring_wipe(&last);
	return was;
}

/* A file of a configuration that is believed is the server's own, and may hold a state that
 * was longer ago: there its events are good enough to tell that from what somebody else has
 * written.  What is no key file any more is written over there only: elsewhere it may be
 * anything, and even where it is empty some other program may read it. */
static int may_overwrite(int fd, const char *socket, const char *file, const struct state *s,
			 bool insist, struct tk_error *e)
{
	int rc;

	if (tk_keystore_is_state(fd, &s->ring))
		return 0;
	rc = tk_keystore_foreign(fd, &s->ring, HEAL, e);
	if (!tk_trust_file(socket, file))
		return rc == TK_E_INUSE ? tk_err_set(e, rc, FOREIGN) : rc;
	if (rc == TK_E_INUSE && was_state(fd, s))
		return 0;
	if (rc != TK_E_PARSE || !insist)
		return rc;
	rc = tk_keystore_clear(fd, &s->ring);
	return rc ? tk_err_set(e, rc, "%s", strerror(errno)) : 0;
}

/* By its name, which must be that of the file that was looked at. */
static int rename_over(const char *file, const struct state *s, struct tk_error *e)
{
	struct tk_file_id id;
	int anew;

	if (!tk_trust_path(file))
		return tk_err_set(e, TK_E_DENIED, LOOSE);
	anew = tk_keystore_rewrite(file, &s->ring, s->newest, &id, e);
	if (anew == -1)
		return TK_E_SYS;
	close(anew);
	return 0;
}

static int write_file(int fd, const char *socket, const char *file, const struct state *s,
		      bool insist, struct tk_error *e)
{
	struct tk_file_id id;
	int rc = may_overwrite(fd, socket, file, s, insist, e);

	if (rc)
		return rc;
	rc = tk_keystore_write(fd, &s->ring, s->newest, &id);
	if (rc == TK_E_SIZE)
		return rename_over(file, s, e);
	return rc ? tk_err_set(e, rc, "%s", strerror(errno)) : 0;
}

static int not_open(int why, struct tk_error *e)
{
	if (why == ENOENT)
		return tk_err_set(e, TK_E_NOENT, GONE);
	return tk_err_set(e, TK_E_SYS, "%s", why == EBUSY ? TK_KEYSTORE_LOCKED : strerror(why));
}

static int save_file(const char *socket, const char *file, bool insist, struct tk_error *e)
{
	struct state s;
	int fd = tk_keystore_lock(file, LOCK_MS), rc;

	if (fd == -1)
		return not_open(errno, e);
	rc = ask_state(socket, file, &s, e);
	if (!rc)
		rc = write_file(fd, socket, file, &s, insist, e);
	fini_state(&s);
	tk_keystore_unlock(fd);
	return rc;
}

static int make_file(const char *socket, const char *file, struct tk_error *e)
{
	struct state s;
	int rc;

	if (!tk_trust_file(socket, file))
		return tk_err_set(e, TK_E_DENIED, GONE);
	rc = ask_state(socket, file, &s, e);
	if (!rc)
		rc = tk_keystore_create(file, &s.ring, e);
	fini_state(&s);
	return rc;
}

/* No ring's file has control characters (common/conf), and a terminal would act on some. */
static void make_printable(char *file)
{
	for (; *file; file++)
		if ((unsigned char)*file < 0x20 || *file == 0x7f)
			*file = '?';
}

static enum tk_status save_one(const char *socket, const char *file, const char *reason, bool insist)
{
	struct tk_error e;
	int rc;

	if (strcmp(reason, TK_KEYSTORE_CHANGED) == 0)
		rc = tk_err_set(&e, TK_E_INUSE, "%s", reason);
	else if (file[0] != '/')
		rc = tk_err_set(&e, TK_E_PARSE, "a name that does not begin at the root may be "
						"another file for the server");
	else
		rc = save_file(socket, file, insist, &e);
	if (rc == TK_E_NOENT && insist)
		rc = make_file(socket, file, &e);
	if (rc == 0) {
		printf("saved by tkctl: %s\n", file);
		return TK_STATUS_DONE;
	}
	fflush(stdout);
	fprintf(stderr, "tkctl: %s%s: not saved by tkctl either: %s\n", insist ? "" : "warning: ",
		file, e.text);
	return insist ? TK_STATUS_FAILED : TK_STATUS_DONE;
}

enum tk_status tk_ctl_save(const char *socket, const char *answer, size_t len, bool insist)
{
	enum tk_status worst = TK_STATUS_DONE, status;
	const char *end = answer + len, *next;

	for (const char *line = answer; line < end; line = next) {
		const char *lf = memchr(line, '\n', (size_t)(end - line));
		char text[TK_PATH_MAX + 512], *reason = NULL;

		next = lf ? lf + 1 : end;
		if (end - line > 5 && line[0] == '[' && strncmp(line + 2, "]: ", 3) == 0)
			line += 5; /* its severity, where it is the first line */
		if (strncmp(line, NOT_SAVED, strlen(NOT_SAVED)) != 0)
			continue;
		line += strlen(NOT_SAVED);
		snprintf(text, sizeof(text), "%.*s", (int)((lf ? lf : end) - line), line);
		for (char *p = text; (p = strstr(p, ": ")) != NULL; p += 2)
			reason = p;
		if (!reason)
			continue;
		make_printable(text);
		*reason = '\0';
		status = save_one(socket, text, reason + 2, insist);
		worst = status > worst ? status : worst;
	}
	return worst;
}
