/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_include.c - owns the text of openssl.cnf, of which it knows what a line is and that one
 * may include others.  What the lines mean is check_openssl's.
 *
 * OpenSSL counts lines through all that is included, so that its number is that of no file, and
 * passes over an included file that is not there.  Source: crypto/conf/conf_def.c.
 */
#include "ctl/check_include.h"

#include <openssl/conf.h>
#include <openssl/err.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

#define LONG (128 * 1024) /* bytes; in a longer text no line is looked for, it would take minutes */

/* What a line includes; NULL: nothing. */
static const char *included(const char *line)
{
	static const char word[] = ".include";
	const char *name = line + strspn(line, " \t"), *p;

	if (strncmp(name, word, sizeof(word) - 1) != 0)
		return NULL;
	p = name + sizeof(word) - 1;
	name = p + strspn(p, " \t");
	if (*name == '=')
		return name + 1 + strspn(name + 1, " \t");
	return name > p ? name : NULL;
}

/* The line after `line`, or the text's end. */
static const char *next_line(const char *line)
{
	const char *lf = strchr(line, '\n');

	return lf ? lf + 1 : line + strlen(line);
}

/* ---- what cannot be read ---- */

static bool can_read(const char *text, size_t len)
{
	BIO *bio = BIO_new_mem_buf(text, (int)len);
	CONF *conf = NCONF_new(NULL);
	long line;
	bool can = bio && conf && NCONF_load_bio(conf, bio, &line) > 0;

	NCONF_free(conf);
	BIO_free(bio);
	return can;
}

/* The first line with which the text cannot be read; NULL: there is none.  A line that goes
 * on in the next one is no end. */
static const char *find_bad(const char *text, unsigned *number)
{
	const char *next;

	*number = 0;
	for (const char *line = text; *line; line = next) {
		next = next_line(line);
		++*number;
		if ((next - line < 2 || next[-2] != '\\') && !can_read(text, (size_t)(next - text)))
			return line;
	}
	return NULL;
}

void tk_check_include_unread(const char *file, struct tk_findings *f)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error()), *bad = NULL;
	struct tk_file text;
	struct tk_error e;
	unsigned number;

	if (!reason)
		reason = "OpenSSL cannot read it";
	if (tk_file_read(&text, file, &e) == 0 && text.len < LONG)
		bad = find_bad(text.text, &number);
	if (bad)
		tk_findings_error(f, "%s:%u: %s%s", file, number,
				  included(bad) ? "in what it includes: " : "", reason);
	else
		tk_findings_error(f, "%s: %s", file, reason);
	tk_file_fini(&text);
	ERR_clear_error();
}

/* ---- what is passed over ---- */

static void say_passed_over(const char *file, struct tk_findings *f)
{
	unsigned long code;
	const char *data;
	int flags;

	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0)
		if (ERR_GET_LIB(code) == ERR_LIB_SYS)
			tk_findings_warning(f, "%s: OpenSSL passes over what is to be included: %s: %s",
					    file, flags & ERR_TXT_STRING ? data : "?",
					    strerror(ERR_GET_REASON(code)));
}

/* Not where something else says which folder names begin in, nor what a variable says. */
static void check_relative(const char *file, const char *text, struct tk_findings *f)
{
	unsigned number = 0;

	if (secure_getenv("OPENSSL_CONF_INCLUDE") || strstr(text, "includedir"))
		return;
	for (const char *line = text; *line; line = next_line(line)) {
		const char *name = included(line);

		number++;
		if (name && !strchr("/$\"'\r\n", *name))
			tk_findings_warning(f, "%s:%u: '.include %.*s' depends on the folder in which "
					       "the server is started",
					    file, number, (int)strcspn(name, "\r\n"), name);
	}
}

void tk_check_include(const char *file, struct tk_findings *f)
{
	struct tk_file text;
	struct tk_error e;

	say_passed_over(file, f);
	if (tk_file_read(&text, file, &e) == 0)
		check_relative(file, text.text, f);
	tk_file_fini(&text);
}
