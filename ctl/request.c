/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - owns what goes out: words, escapes, secrets.  Knows from the command table
 * which argument is a secret, and no socket; commands it does not know go out as they are.
 *
 * Copies of a secret: the request, and buffers here that are wiped before they go.
 */
#include "ctl/request.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/commands.h"
#include "core/words.h"

#define PREFIX "set severity-output number;"
#define STATUS "show info;show tls-keys"

static int too_long(struct tk_error *e)
{
	return tk_err_set(e, TK_E_RANGE, "the command is longer than %d bytes", TK_LINE_MAX);
}

/* One byte at a time: what follows the line belongs to somebody else. */
static int read_line(char *buf, size_t cap, struct tk_error *e)
{
	size_t len = 0;

	for (;;) {
		ssize_t n = read(STDIN_FILENO, buf + len, 1);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return tk_err_set(e, TK_E_SYS, "standard input: %s", strerror(errno));
		if (n == 0 || buf[len] == '\n')
			break;
		if (++len == cap)
			return tk_err_set(e, TK_E_RANGE,
					  "standard input: the line is longer than %d bytes",
					  TK_LINE_MAX);
	}
	if (len > 0 && buf[len - 1] == '\r')
		len--;
	buf[len] = '\0';
	if (!len)
		return tk_err_set(e, TK_E_PARSE, "standard input: no key there");
	if (strlen(buf) != len)
		return tk_err_set(e, TK_E_PARSE, "standard input: not a line of text");
	return 0;
}

/* What follows `<<`: standard input up to an empty line or its end.  The LF that ends the
 * request makes the empty line. */
static int append_payload(struct tk_request *r, struct tk_error *e)
{
	size_t at = strlen(r->line);
	char last = '\0';

	r->line[at++] = '\n';
	for (;;) {
		ssize_t n = read(STDIN_FILENO, r->line + at, 1);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return tk_err_set(e, TK_E_SYS, "standard input: %s", strerror(errno));
		if (n == 0 || (r->line[at] == '\n' && (last == '\n' || last == '\0')))
			break;
		if (r->line[at] == '\0')
			return tk_err_set(e, TK_E_PARSE, "standard input: not lines of text");
		last = r->line[at++];
		if (at + 2 >= sizeof(r->line))
			return too_long(e);
	}
	if (last != '\n' && last != '\0')
		r->line[at++] = '\n';
	r->line[at] = '\0';
	return 0;
}

static int append_word(struct tk_request *r, const char *word, struct tk_error *e)
{
	/* Behind the prefix, so that the word that is first gets no space in front. */
	char *command = r->line + sizeof(PREFIX) - 1;
	size_t cap = sizeof(r->line) - sizeof(PREFIX); /* the LF still to come */

	if (!*word)
		return tk_err_set(e, TK_E_PARSE, "an empty word cannot be sent");
	if (strpbrk(word, "\r\n"))
		return tk_err_set(e, TK_E_PARSE, "a line break cannot be sent");
	return tk_words_quote(command, cap, word) ? too_long(e) : 0;
}

/* The index of the command's secret among the words, or -1. */
static int find_secret(const struct tk_words *w, const struct tk_command *c, unsigned first,
		       unsigned args)
{
	if (!c || !c->secret || args < c->secret || first + c->secret > w->n)
		return -1;
	return (int)(first + c->secret - 1);
}

/* A last word `<<` is none, and goes out without the escape of one. */
static int append_mark(struct tk_request *r, struct tk_error *e)
{
	size_t at = strlen(r->line);

	if (at + 8 >= sizeof(r->line))
		return too_long(e);
	memcpy(r->line + at, " <<", 4);
	return append_payload(r, e);
}

static int refuse_prompt(struct tk_error *e)
{
	return tk_err_set(e, TK_E_PARSE, "'prompt' is for sessions by hand, with socat");
}

static int append_words(struct tk_request *r, const struct tk_words *w, struct tk_error *e)
{
	char typed[TK_LINE_MAX];
	unsigned first, args;
	const struct tk_command *c = tk_command_find(w, &first, &args);
	int secret = find_secret(w, c, first, args), rc = 0;

	if (c && c->id == TK_CMD_PROMPT)
		return refuse_prompt(e);
	r->silent = c && c->id == TK_CMD_QUIT;
	for (unsigned i = 0; i < w->n && !rc; i++) {
		const char *word = w->w[i];

		if (i + 1 == w->n && c && (c->flags & TK_CMD_PAYLOAD) && strcmp(word, "<<") == 0)
			return append_mark(r, e);
		if ((int)i == secret && strcmp(word, "-") == 0) {
			rc = read_line(typed, sizeof(typed), e);
			word = typed;
		}
		if (!rc)
			rc = append_word(r, word, e);
	}
	explicit_bzero(typed, sizeof(typed));
	if (secret >= 0 && strcmp(w->w[secret], "-") != 0)
		memset(w->w[secret], 'x', strlen(w->w[secret]));
	return rc;
}

static int append_line(struct tk_request *r, const char *line, struct tk_error *e)
{
	size_t used = strlen(r->line), len = strlen(line);

	if (strpbrk(line, "\r\n"))
		return tk_err_set(e, TK_E_PARSE, "a line break cannot be sent");
	if (len >= sizeof(r->line) - used - 1)
		return too_long(e);
	memcpy(r->line + used, line, len + 1);
	return 0;
}

/* The session would stay open, and tkctl wait for its end. */
static bool has_prompt(const char *line)
{
	char copy[TK_LINE_MAX], *rest = copy;
	bool found = false;
	struct tk_words w;

	memcpy(copy, line, strlen(line) + 1);
	while (rest && !found) {
		unsigned first, args;
		const struct tk_command *c = NULL;

		if (!tk_words_next(&rest, &w) && w.n > 0) /* too many: the server does not run it */
			c = tk_command_find(&w, &first, &args);
		found = c && c->id == TK_CMD_PROMPT;
	}
	explicit_bzero(copy, sizeof(copy));
	return found;
}

/* A single command is taken apart, for it may have a secret; several, or one with a
 * payload, go out as they are. */
static int append_whole(struct tk_request *r, char *line, struct tk_error *e)
{
	char copy[TK_LINE_MAX], *rest = copy;
	struct tk_words w;
	int rc;

	if (strlen(line) >= sizeof(copy))
		return too_long(e);
	memcpy(copy, line, strlen(line) + 1);
	if (has_prompt(line))
		rc = refuse_prompt(e);
	else if (!strpbrk(line, "\r\n") && !tk_words_next(&rest, &w) && !rest && !w.payload && w.n > 0)
		rc = append_words(r, &w, e);
	else if (!(rc = append_line(r, line, e)) && tk_words_payload(line, strlen(line)))
		rc = append_payload(r, e);
	explicit_bzero(copy, sizeof(copy));
	memset(line, 'x', strlen(line));
	return rc;
}

static int append_command(struct tk_request *r, int n, char **words, struct tk_error *e)
{
	struct tk_words w = {.n = 0};

	if (n == 0)
		return append_line(r, STATUS, e);
	if (n == 1 && strpbrk(words[0], " \t"))
		return append_whole(r, words[0], e);
	if (n > TK_WORDS_MAX)
		return tk_err_set(e, TK_E_RANGE, "more than %d words", TK_WORDS_MAX);
	while (w.n < (unsigned)n) {
		w.w[w.n] = words[w.n];
		w.n++;
	}
	return append_words(r, &w, e);
}

int tk_request_make(struct tk_request *out, int n, char **words, struct tk_error *e)
{
	int rc;

	memset(out, 0, sizeof(*out));
	memcpy(out->line, PREFIX, sizeof(PREFIX));
	rc = append_command(out, n, words, e);
	if (rc) {
		tk_request_wipe(out);
		return rc;
	}
	out->len = strlen(out->line);
	out->line[out->len++] = '\n';
	return 0;
}

void tk_request_wipe(struct tk_request *r)
{
	explicit_bzero(r, sizeof(*r));
}
