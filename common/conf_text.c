/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_text.c - goes through the text of tkprov.conf once, knowing of its grammar only
 * where comments, strings and words begin and end.  Pure; knows no option.
 *
 * @include is refused wherever a line begins with it, in comments too: that cannot be
 * wrong about what libconfig takes for one.
 */
#include "common/conf_text.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum state { CODE, STRING, LINE_COMMENT, COMMENT };

static bool is_include(const char *line)
{
	static const char word[] = "@include";

	return strncmp(line + strspn(line, " \t"), word, sizeof(word) - 1) == 0;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || strchr("_*.", c) != NULL;
}

/* An integer that libconfig would cut.  Floats and 64-bit ones keep their type. */
static bool is_cut(const char *p)
{
	bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	char *end;
	unsigned long long v = strtoull(p, &end, hex ? 16 : 10);

	return v > INT_MAX && !(*end && strchr(".eEL", *end));
}

/* The state after *p.  Moves *p on to the last character that it took. */
static enum state step(enum state state, const char **p)
{
	const char *s = *p;

	switch (state) {
	case CODE:
		if (*s == '"')
			return STRING;
		if (*s == '#' || (s[0] == '/' && s[1] == '/'))
			return LINE_COMMENT;
		if (s[0] == '/' && s[1] == '*') {
			*p = s + 1;
			return COMMENT;
		}
		return CODE;
	case STRING:
		if (s[0] == '\\' && s[1] && s[1] != '\n')
			*p = s + 1;
		return *s == '"' ? CODE : STRING;
	case LINE_COMMENT:
		return *s == '\n' ? CODE : LINE_COMMENT;
	case COMMENT:
		if (s[0] == '*' && s[1] == '/') {
			*p = s + 1;
			return CODE;
		}
		return COMMENT;
	}
	return state;
}

int tk_conf_text_check(const char *text, size_t len, struct tk_conf_fault *f, struct tk_error *e)
{
	const char *nul = text + strlen(text), *end = text + len;
	struct tk_conf_fault begun = {0, 1}; /* where a string or a comment begins */
	enum state state = CODE;
	char last = '\n';

	*f = begun;
	for (const char *p = text; p < nul; p++) {
		f->at = (size_t)(p - text);
		if (last == '\n' && is_include(p))
			return tk_err_set(e, TK_E_PARSE, "@include is not supported");
		if (state == CODE && isdigit((unsigned char)*p) && !is_word(last) && is_cut(p))
			return tk_err_set(e, TK_E_RANGE, "the number is too large");
		if (state == CODE)
			begun = *f;
		state = step(state, &p);
		last = *p;
		if (last == '\n')
			f->line++;
	}
	f->at = (size_t)(nul - text);
	if (nul < end)
		return tk_err_set(e, TK_E_PARSE, "a NUL byte");
	if (state == CODE || state == LINE_COMMENT)
		return 0;
	*f = begun;
	return tk_err_set(e, TK_E_PARSE, "the %s that begins here has no end",
			  state == STRING ? "string" : "comment");
}

size_t tk_conf_text_whole(const char *text, size_t len)
{
	const char *last = text, *end = text + len;
	enum state state = CODE;
	bool something = false; /* since `last` */
	int depth = 0;

	for (const char *p = text; p < end; p++) {
		enum state was = state;

		state = step(state, &p);
		if (was != CODE && *p != '\n')
			continue;
		if (*p && strchr("([{", *p))
			depth++;
		else if (*p && strchr(")]}", *p))
			depth--;
		if (state == CODE && depth <= 0 && something && (*p == ';' || *p == '\n') &&
		    p + 1 < end) {
			last = p + 1;
			something = false;
		} else if (!isspace((unsigned char)*p) && state != COMMENT && state != LINE_COMMENT) {
			something = true;
		}
	}
	return (size_t)(last - text);
}

size_t tk_conf_text_line_end(const char *text, size_t len, unsigned line)
{
	const char *p = text, *end = text + len;

	for (unsigned i = 0; i < line && p < end; i++) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));

		p = lf ? lf + 1 : end;
	}
	return (size_t)(p - text);
}
