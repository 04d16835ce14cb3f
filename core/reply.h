/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.h - the text of one answer and how it is framed on the wire.
 *
 * An answer is its text, ending in exactly one LF, then one empty line; no text
 * is just the empty line.  With `set severity-output`, messages (not tables) get
 * `[6]: ` / `[info]: ` or `[3]: ` / `[err]: ` in front.
 *
 * A reply may hold secrets: fini and every growth wipe what is left behind.
 * Out of memory makes it `failed`, which stays; nothing is half-sent then.
 */
#ifndef TK_REPLY_H
#define TK_REPLY_H

#include <stdbool.h>
#include <stddef.h>

enum tk_severity { TK_SEV_NONE, TK_SEV_ERR = 3, TK_SEV_INFO = 6 }; /* NONE: a table */
enum tk_sev_mode { TK_SEV_MODE_NONE, TK_SEV_MODE_NUMBER, TK_SEV_MODE_STRING };

struct tk_reply {
	char *text; /* NUL-terminated once not NULL */
	size_t len, cap;
	enum tk_severity severity;
	bool failed;
};

/* A zeroed struct is an empty reply too. */
void tk_reply_init(struct tk_reply *r);
void tk_reply_fini(struct tk_reply *r);

/* Appends. */
void tk_reply_addf(struct tk_reply *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tk_reply_addn(struct tk_reply *r, const char *text, size_t len);

/* The reply becomes this one message, whatever it was. */
void tk_reply_msg(struct tk_reply *r, enum tk_severity severity, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What stands in front of a message of that severity: `[3]: `, or nothing. */
const char *tk_reply_prefix(enum tk_severity severity, enum tk_sev_mode mode);

/* Appends the framed form of `r` to `out` (a reply used as a plain buffer).  The text may move
 * there: what `r` is afterwards is only good for fini. */
void tk_reply_frame(struct tk_reply *out, struct tk_reply *r, enum tk_sev_mode mode);

/* `none`, `number`, `string`; TK_E_PARSE otherwise. */
int tk_sev_mode_parse(const char *word, enum tk_sev_mode *out);

#endif
