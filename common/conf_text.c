/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_text.c - goes through the text of tkprov.conf, knowing of its grammar only
 * where comments, strings, words and outermost settings begin and end.  Pure; knows no option.
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

static bool is_name(char c)
{
	return is_word(c) || c == '-';
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

unsigned tk_conf_text_large_number(const char *text)
{
	enum state state = CODE;
	unsigned line = 1;
	char last = '\n';

	for (const char *p = text; *p; p++) {
		if (state == CODE && isdigit((unsigned char)*p) && !is_word(last) && is_cut(p))
			return line;
		state = step(state, &p);
		last = *p;
		if (last == '\n')
			line++;
	}
	return 0;
}

/* How far a setting is, outside brackets. */
struct setting {
	const char *first, *word; /* the first thing in it; the name that may be the next one's */
	enum { BEGUN, ASSIGNED, VALUE, LINE_AFTER_VALUE } has;
	int depth;
};

/* *p is outside strings and comments, and of brackets.  Where the setting ends, if it does. */
static const char *see(struct setting *s, const char *p, char last)
{
	if (isspace((unsigned char)*p)) {
		if (*p == '\n' && s->has == VALUE)
			s->has = LINE_AFTER_VALUE;
		return NULL;
	}
	if (s->has == LINE_AFTER_VALUE && *p != '"') /* strings in a row are one */
		return p;
	if (*p == ';')
		return p + 1;
	if (!s->first)
		s->first = p;
	if (strchr("=:", *p)) {
		if (s->word && s->word != s->first)
			return s->word;
		s->has = ASSIGNED;
	} else if (s->has != BEGUN) {
		s->has = VALUE;
	}
	if (!is_name(*p))
		s->word = NULL;
	else if (!is_name(last))
		s->word = p;
	return NULL;
}

size_t tk_conf_text_setting(const char *text, size_t len)
{
	struct setting s = {0};
	enum state state = CODE;
	const char *ends;
	char last = ' ';

	for (const char *p = text; p < text + len; p++) {
		const char *at = p;
		bool code = state == CODE || (state == LINE_COMMENT && *p == '\n');

		state = step(state, &p);
		if (!code || state == COMMENT || state == LINE_COMMENT)
			continue;
		ends = s.depth ? NULL : see(&s, at, last);
		if (ends)
			return (size_t)(ends - text);
		s.depth += strchr("([{", *at) ? 1 : strchr(")]}", *at) ? -1 : 0;
		if (s.depth < 0)
			return (size_t)(at - text);
		last = *at;
	}
	return len;
}

size_t tk_conf_text_name(const char *text)
{
	size_t len = 0;

	while (text[len] && is_name(text[len]))
		len++;
	return len;
}
