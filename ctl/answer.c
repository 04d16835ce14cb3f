/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.c - owns the reading of answers: framing and severities, as core/reply writes
 * them and HAProxy does.  Knows no command and no socket.
 *
 * An unknown command is good news by its severity (in HAProxy too), hence the look at
 * its text.
 */
#include "ctl/answer.h"

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

struct span {
	const char *at;
	size_t len;
};

static bool starts_with(struct span s, const char *word)
{
	return s.len >= strlen(word) && memcmp(s.at, word, strlen(word)) == 0;
}

/* Cuts the next answer off *rest, with its last LF and without the empty line (none is
 * an answer of no length).  False where there is none, or not all of it. */
static bool next_answer(struct span *rest, struct span *one)
{
	const char *end;

	if (!rest->len)
		return false;
	*one = (struct span){rest->at, 0};
	if (rest->at[0] != '\n') {
		end = memmem(rest->at, rest->len, "\n\n", 2);
		if (!end)
			return false;
		one->len = (size_t)(end + 1 - rest->at);
	}
	rest->at += one->len + 1;
	rest->len -= one->len + 1;
	return true;
}

bool tk_answer_whole(const char *text, size_t len, bool silent)
{
	struct span rest = {text, len}, one;
	unsigned n = 0;

	while (next_answer(&rest, &one))
		n++;
	return rest.len == 0 && n >= (silent ? 1 : 2);
}

/* Takes `[N]: ` off the front; -1: it has none. */
static int take_severity(struct span *s)
{
	int severity;

	if (s->len < 5 || s->at[0] != '[' || memcmp(s->at + 2, "]: ", 3) != 0 || s->at[1] < '0' ||
	    s->at[1] > '7')
		return -1;
	severity = s->at[1] - '0';
	s->at += 5;
	s->len -= 5;
	return severity;
}

static enum tk_status judge(struct span *s)
{
	int severity = take_severity(s);

	if (starts_with(*s, "Permission denied"))
		return TK_STATUS_DENIED;
	if ((severity >= 0 && severity <= 3) || starts_with(*s, "Unknown command"))
		return TK_STATUS_FAILED;
	return TK_STATUS_DONE;
}

/* Would a terminal act on it?  The second bytes of U+0080 to U+009F are such, too; a `\xc2`
 * before them stays, and is no character then. */
static bool is_control(const char *at, const char *begin)
{
	unsigned char c = (unsigned char)*at;

	if (c == '\n' || c == '\t')
		return false;
	return c < 0x20 || c == 0x7f ||
	       (c >= 0x80 && c < 0xa0 && at > begin && at[-1] == '\xc2');
}

static void put(struct span s, FILE *to)
{
	if (!isatty(fileno(to))) {
		fwrite(s.at, 1, s.len, to);
		return;
	}
	for (const char *p = s.at; p < s.at + s.len; p++)
		putc(is_control(p, s.at) ? '?' : *p, to);
}

enum tk_status tk_answer_print(const char *text, size_t len, const char *who, FILE *out, FILE *err)
{
	struct span rest = {text, len}, one;
	enum tk_status worst = TK_STATUS_DONE;
	bool printed = false;

	next_answer(&rest, &one); /* that of `set severity-output` */
	while (next_answer(&rest, &one)) {
		enum tk_status status = judge(&one);

		if (status == TK_STATUS_DONE && one.len) {
			fprintf(out, "%s", printed ? "\n" : "");
			put(one, out);
			printed = true;
		} else if (status != TK_STATUS_DONE) {
			fflush(out); /* in the order of the commands, where both are one */
			fprintf(err, "%s: ", who);
			put(one, err);
		}
		worst = status > worst ? status : worst;
	}
	return worst;
}
