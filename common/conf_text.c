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

int tk_conf_text_check(const char *text, size_t len, unsigned *line, struct tk_error *e)
{
	const char *nul = text + strlen(text), *end = text + len;
	enum state state = CODE;
	unsigned begun = 1; /* the line where a string or a comment begins */
	char last = '\n';

	*line = 1;
	for (const char *p = text; p < nul; p++) {
		if (last == '\n' && is_include(p))
			return tk_err_set(e, TK_E_PARSE, "@include is not supported");
		if (state == CODE && isdigit((unsigned char)*p) && !is_word(last) && is_cut(p))
			return tk_err_set(e, TK_E_RANGE, "the number is too large");
		if (state == CODE)
			begun = *line;
		state = step(state, &p);
		last = *p;
		if (last == '\n')
			++*line;
	}
	if (nul < end)
		return tk_err_set(e, TK_E_PARSE, "a NUL byte");
	if (state == CODE || state == LINE_COMMENT)
		return 0;
	*line = begun;
	return tk_err_set(e, TK_E_PARSE, "the %s that begins here has no end",
			  state == STRING ? "string" : "comment");
}
