/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_value.c - single values of tkprov.conf: modes, periods, users, paths.  Owns the
 * look-ups in the user database (the reentrant ones: this runs in somebody's server);
 * knows no option and no libconfig.
 */
#include "common/conf_value.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "tkprov/err.h"

#define DB_BUF_MAX (1024 * 1024) /* bytes; a group with very many members */

/* Digits of `base` up to max, all of text[0..len). */
static int parse_number(const char *text, size_t len, unsigned base, int64_t max, int64_t *out)
{
	int64_t v = 0;

	if (!len)
		return TK_E_PARSE;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned char)text[i] - (unsigned)'0';

		if (digit >= base)
			return TK_E_PARSE;
		v = v * base + digit;
		if (v > max)
			return TK_E_RANGE;
	}
	*out = v;
	return 0;
}

int tk_conf_value_mode(const char *text, mode_t *out)
{
	int64_t v;
	int rc = parse_number(text, strlen(text), 8, 0777, &v);

	if (!rc)
		*out = (mode_t)v;
	return rc;
}

int tk_conf_value_period(const char *text, int64_t *out)
{
	static const char units[] = "smhd";
	static const int seconds[] = {1, 60, 3600, 86400};
	size_t len = strlen(text);
	const char *unit;
	int64_t v;
	int rc;

	unit = len ? strchr(units, text[len - 1]) : NULL;
	if (!unit)
		return TK_E_PARSE;
	rc = parse_number(text, len - 1, 10, TK_PERIOD_MAX / seconds[unit - units], &v);
	if (rc)
		return rc;
	if (v == 0)
		return TK_E_RANGE;
	*out = v * seconds[unit - units];
	return 0;
}

static int look_up_user(const char *name, char *buf, size_t len, int64_t *id)
{
	struct passwd pw, *found;
	int err = getpwnam_r(name, &pw, buf, len, &found);

	if (!err && found)
		*id = pw.pw_uid;
	return err ? err : found ? 0 : ENOENT;
}

static int look_up_group(const char *name, char *buf, size_t len, int64_t *id)
{
	struct group gr, *found;
	int err = getgrnam_r(name, &gr, buf, len, &found);

	if (!err && found)
		*id = gr.gr_gid;
	return err ? err : found ? 0 : ENOENT;
}

/* A number, or what look_up finds.  The all-ones id means "leave it" to chown(2). */
static int parse_id(const char *text, int (*look_up)(const char *, char *, size_t, int64_t *),
		    int64_t *id)
{
	int err = ERANGE;

	if (strspn(text, "0123456789") == strlen(text))
		return parse_number(text, strlen(text), 10, (int64_t)UINT32_MAX - 1, id);
	for (size_t len = 4096; err == ERANGE && len <= DB_BUF_MAX; len *= 4) {
		char *buf = malloc(len);

		if (!buf)
			return TK_E_NOMEM;
		err = look_up(text, buf, len, id);
		free(buf);
	}
	if (err == ENOMEM)
		return TK_E_NOMEM;
	return err ? TK_E_PARSE : 0;
}

int tk_conf_value_user(const char *text, uid_t *out)
{
	int64_t id;
	int rc = parse_id(text, look_up_user, &id);

	if (!rc)
		*out = (uid_t)id;
	return rc;
}

int tk_conf_value_group(const char *text, gid_t *out)
{
	int64_t id;
	int rc = parse_id(text, look_up_group, &id);

	if (!rc)
		*out = (gid_t)id;
	return rc;
}

bool tk_conf_value_printable(const char *text, size_t max)
{
	size_t len = 0;

	for (const unsigned char *p = (const unsigned char *)text; *p; p++, len++)
		if (*p < 0x20 || *p == 0x7f || len == max)
			return false;
	return len > 0;
}

bool tk_conf_value_path(const char *text, size_t max)
{
	return text[0] == '/' && tk_conf_value_printable(text, max) &&
	       text[strlen(text) - 1] != '/';
}
