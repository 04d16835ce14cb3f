/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - owns the grammar of command lines.  Knows no command.  Works in the caller's
 * line: a word never gets longer by losing its backslashes, so writing stays at or
 * behind reading.
 *
 * Three corners, decided: a backslash at the end of the line stands for nothing (as in
 * HAProxy); `<<` counts when spaces follow it, or else its payload would run as commands;
 * `\<<` is the word `<<` itself (HAProxy waits for a payload there and takes the word too).
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
 * behind it; returns the character that ended it, which may be overwritten by now.
 * *plain: no backslash was in it. */
static char take_word(char **p, bool *plain)
{
	char *from = *p, *to = *p;
	char end;

	*plain = true;
	while (!ends_command(*from) && !is_blank(*from)) {
		if (*from == '\\') {
			*plain = false;
			if (*++from == '\0')
				break;
		}
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
	char *p = *rest, *held = NULL; /* held: a `<<`, until it is known to be the last word */
	char end = ' ';
	int rc = 0;

	out->n = 0;
	while (!ends_command(end)) {
		char *word = p + strspn(p, " \t");
		bool plain;

		p = word;
		end = take_word(&p, &plain);
		if (*word == '\0')
			continue; /* spaces at the end, or a lone backslash */
		if (held && !rc)
			rc = add_word(out, held);
		held = plain && !strcmp(word, "<<") ? word : NULL;
		if (!held && !rc)
			rc = add_word(out, word);
	}
	out->payload = held != NULL;
	if (rc)
		out->n = 0;
	*rest = end == ';' ? p : NULL;
	return rc;
}

/* The character before it has to end a word, and not as one that was escaped. */
bool tk_words_payload(const char *line, size_t len)
{
	size_t escapes = 0;

	while (len > 0 && is_blank(line[len - 1]))
		len--;
	if (len < 2 || line[len - 1] != '<' || line[len - 2] != '<')
		return false;
	if (len == 2)
		return true;
	if (!is_blank(line[len - 3]) && line[len - 3] != ';')
		return false;
	while (escapes < len - 3 && line[len - 4 - escapes] == '\\')
		escapes++;
	return escapes % 2 == 0;
}

static bool needs_escape(const char *word, size_t i)
{
	return is_blank(word[i]) || word[i] == ';' || word[i] == '\\' ||
	       (i == 0 && !strcmp(word, "<<"));
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
