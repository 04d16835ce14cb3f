/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - owns the grammar of command lines.  Knows no command.  Works in the caller's
 * line: a word never gets longer by losing its backslashes, so writing stays at or
 * behind reading.
 *
 * Corners, as in HAProxy 2.6: a backslash takes a LF or `;` along; with nothing behind it it
 * stands for nothing.  A command whose last two characters are `<<` has a payload, whatever
 * is before them (`x<<`, `\<<`, `<<<`): only where they are a word by themselves do they
 * announce it and are none, else the word stays and the payload is for nobody.  With spaces
 * behind it `<<` is a word as others are.
 */
#include "core/words.h"

#include <string.h>

#include "tkprov/err.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool ends_command(char c)
{
	return c == '\0' || c == ';';
}

/* Reads one word from *p, writes it unescaped and terminated over itself.  *p moves
 * behind it; returns the character that ended it, which may be overwritten by now. */
static char take_word(char **p)
{
	char *from = *p, *to = *p;
	char end;

	while (!ends_command(*from) && !is_blank(*from)) {
		if (*from == '\\' && *++from == '\0')
			break;
		*to++ = *from++;
	}
	end = *from;
	*p = end == '\0' ? from : from + 1;
	*to = '\0';
	return end;
}

static int add_word(struct tk_words *out, char *word)
{
	if (out->n == TK_WORDS_MAX)
		return TK_E_RANGE;
	out->w[out->n++] = word;
	return 0;
}

int tk_words_next(char **rest, struct tk_words *out)
{
	char *p = *rest;
	char end = ' ';
	int rc = 0;

	out->n = 0;
	out->payload = false;
	while (!ends_command(end)) {
		char *word = p + strspn(p, " \t");
		bool announces = !strncmp(word, "<<", 2) && ends_command(word[2]);

		p = word;
		end = take_word(&p);
		out->payload = announces;
		if (*word == '\0' || announces)
			continue; /* spaces at the end, or a lone backslash */
		if (!rc)
			rc = add_word(out, word);
	}
	if (rc)
		out->n = 0;
	*rest = end == ';' ? p : NULL;
	return rc;
}

size_t tk_words_cut(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len && text[i] != '\n' && text[i] != ';')
		i += text[i] == '\\' ? 2 : 1;
	return i < len ? i : len;
}

bool tk_words_payload(const char *command, size_t len)
{
	return len >= 2 && command[len - 1] == '<' && command[len - 2] == '<';
}

static bool needs_escape(const char *word, size_t i)
{
	bool is_last = word[i + 1] == '\0';

	return is_blank(word[i]) || word[i] == ';' || word[i] == '\\' ||
	       (is_last && i > 0 && tk_words_payload(word, i + 1));
}

int tk_words_quote(char *buf, size_t cap, const char *word)
{
	size_t used = strlen(buf), need = used ? 1 : 0;
	char *to = buf + used;

	if (word[0] == '\0' || strpbrk(word, "\r\n"))
		return TK_E_RANGE;
	for (size_t i = 0; word[i]; i++)
		need += needs_escape(word, i) ? 2 : 1;
	if (need >= cap - used)
		return TK_E_RANGE;
	if (used)
		*to++ = ' ';
	for (size_t i = 0; word[i]; i++) {
		if (needs_escape(word, i))
			*to++ = '\\';
		*to++ = word[i];
	}
	*to = '\0';
	return 0;
}
