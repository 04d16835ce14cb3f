/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reply.c - owns the buffer of an answer and its framing.  Knows no command and no
 * socket.  The buffer is never handed to realloc, which leaves old copies behind: it is
 * copied, wiped and freed.  A failed reply holds nothing and takes nothing.
 */
#include "core/reply.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tkprov/err.h"

#define FIRST_CAP 256

void tk_reply_init(struct tk_reply *r)
{
	memset(r, 0, sizeof(*r));
}

/* Nothing was ever written behind the text and its NUL: those pages need never exist. */
static void drop_text(struct tk_reply *r)
{
	if (r->text)
		explicit_bzero(r->text, r->len + 1);
	free(r->text);
	r->text = NULL;
	r->len = r->cap = 0;
}

void tk_reply_fini(struct tk_reply *r)
{
	drop_text(r);
	tk_reply_init(r);
}

static void fail(struct tk_reply *r)
{
	drop_text(r);
	r->failed = true;
}

/* Room for `more` bytes and a NUL behind the text. */
static bool make_room(struct tk_reply *r, size_t more)
{
	size_t cap = r->cap ? r->cap : FIRST_CAP;
	char *text;

	if (r->failed)
		return false;
	if (more < r->cap - r->len)
		return true;
	while (cap - r->len <= more && cap <= SIZE_MAX / 2)
		cap *= 2;
	text = cap - r->len > more ? malloc(cap) : NULL;
	if (!text) {
		fail(r);
		return false;
	}
	if (r->len)
		memcpy(text, r->text, r->len);
	text[r->len] = '\0';
	if (r->text)
		explicit_bzero(r->text, r->len + 1);
	free(r->text);
	r->text = text;
	r->cap = cap;
	return true;
}

void tk_reply_addn(struct tk_reply *r, const char *text, size_t len)
{
	if (len == 0 || !make_room(r, len))
		return;
	memcpy(r->text + r->len, text, len);
	r->len += len;
	r->text[r->len] = '\0';
}

/* Into the room that there is; once more if it was too small. */
static void add_va(struct tk_reply *r, const char *fmt, va_list ap)
{
	size_t room = r->cap - r->len;
	va_list again;
	int len;

	va_copy(again, ap);
	len = r->failed ? -1 : vsnprintf(r->cap ? r->text + r->len : NULL, room, fmt, ap);
	if (len < 0) {
		fail(r);
	} else if ((size_t)len >= room) {
		if (r->cap)
			explicit_bzero(r->text + r->len, room);
		if (make_room(r, (size_t)len))
			vsnprintf(r->text + r->len, (size_t)len + 1, fmt, again);
	}
	if (!r->failed)
		r->len += (size_t)len;
	va_end(again);
}

void tk_reply_addf(struct tk_reply *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add_va(r, fmt, ap);
	va_end(ap);
}

void tk_reply_msg(struct tk_reply *r, enum tk_severity severity, const char *fmt, ...)
{
	struct tk_reply msg = { .severity = severity, .failed = r->failed };
	va_list ap;

	va_start(ap, fmt);
	add_va(&msg, fmt, ap); /* the arguments may point into *r */
	va_end(ap);
	drop_text(r);
	*r = msg;
}

const char *tk_reply_prefix(enum tk_severity severity, enum tk_sev_mode mode)
{
	if (severity == TK_SEV_NONE || mode == TK_SEV_MODE_NONE)
		return "";
	if (mode == TK_SEV_MODE_NUMBER)
		return severity == TK_SEV_ERR ? "[3]: " : "[6]: ";
	return severity == TK_SEV_ERR ? "[err]: " : "[info]: ";
}

/* Moves the text where nothing comes before it: an answer with keys is long, and copied once less. */
static void move_text(struct tk_reply *out, struct tk_reply *r, const char *front)
{
	if (out->text || out->failed || *front) {
		tk_reply_addn(out, front, strlen(front));
		tk_reply_addn(out, r->text, r->len);
		return;
	}
	out->text = r->text;
	out->len = r->len;
	out->cap = r->cap;
	tk_reply_init(r);
}

void tk_reply_frame(struct tk_reply *out, struct tk_reply *r, enum tk_sev_mode mode)
{
	if (r->failed) {
		fail(out);
		return;
	}
	while (r->len > 0 && r->text[r->len - 1] == '\n')
		r->text[--r->len] = '\0';
	if (r->len > 0) {
		move_text(out, r, tk_reply_prefix(r->severity, mode));
		tk_reply_addn(out, "\n", 1);
	}
	tk_reply_addn(out, "\n", 1);
}

int tk_sev_mode_parse(const char *word, enum tk_sev_mode *out)
{
	static const char *const names[] = { "none", "number", "string" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(word, names[i])) {
			*out = (enum tk_sev_mode)i;
			return 0;
		}
	}
	return TK_E_PARSE;
}
