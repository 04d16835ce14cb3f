/* SPDX-License-Identifier: Apache-2.0 */
/* test_conf_value.c - single values of tkprov.conf, at and behind their limits. */
#include "tests/unit/unit.h"

#include <grp.h>
#include <pwd.h>

#include "common/conf_value.h"
#include "tkprov/err.h"

static void modes(void)
{
	static const struct {
		const char *text;
		int rc;
		mode_t mode;
	} rows[] = {
		{ "0660", 0, 0660 },       { "600", 0, 0600 },         { "0", 0, 0 },
		{ "0777", 0, 0777 },       { "00777", 0, 0777 },       { "1000", TK_E_RANGE, 0 },
		{ "", TK_E_PARSE, 0 },     { "08", TK_E_PARSE, 0 },    { "0x1ff", TK_E_PARSE, 0 },
		{ "-1", TK_E_PARSE, 0 },   { " 600", TK_E_PARSE, 0 },  { "600 ", TK_E_PARSE, 0 },
		{ "rw", TK_E_PARSE, 0 },   { "\xff", TK_E_PARSE, 0 },
		{ "7777777777777777777777777777", TK_E_RANGE, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		mode_t mode = 0123;

		CHECK(tk_conf_value_mode(rows[i].text, &mode) == rows[i].rc, "%s", rows[i].text);
		CHECK(mode == (rows[i].rc ? 0123 : rows[i].mode), "%s", rows[i].text);
	}
}

static void periods(void)
{
	static const struct {
		const char *text;
		int rc;
		int64_t seconds;
	} rows[] = {
		{ "1s", 0, 1 },            { "90s", 0, 90 },          { "30m", 0, 1800 },
		{ "24h", 0, 86400 },       { "7d", 0, 604800 },       { "366d", 0, 31622400 },
		{ "31622400s", 0, 31622400 },
		{ "31622401s", TK_E_RANGE, 0 }, { "367d", TK_E_RANGE, 0 },
		{ "0s", TK_E_RANGE, 0 },   { "", TK_E_PARSE, 0 },     { "h", TK_E_PARSE, 0 },
		{ "24", TK_E_PARSE, 0 },   { "24H", TK_E_PARSE, 0 },  { "24 h", TK_E_PARSE, 0 },
		{ "-1h", TK_E_PARSE, 0 },  { "1.5h", TK_E_PARSE, 0 }, { "1h30m", TK_E_PARSE, 0 },
		{ "1w", TK_E_PARSE, 0 },   { "18446744073709551617s", TK_E_RANGE, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t v = -7;

		CHECK(tk_conf_value_period(rows[i].text, &v) == rows[i].rc, "%s", rows[i].text);
		CHECK(v == (rows[i].rc ? -7 : rows[i].seconds), "%s", rows[i].text);
	}
}

static void users(void)
{
	const struct passwd *nobody = getpwnam("nobody");
	const struct group *daemon = getgrnam("daemon");
	uid_t uid = 77;
	gid_t gid = 77;

	CU_ASSERT_PTR_NOT_NULL_FATAL(nobody);
	CU_ASSERT_PTR_NOT_NULL_FATAL(daemon);
	CU_ASSERT_EQUAL(tk_conf_value_user("nobody", &uid), 0);
	CU_ASSERT_EQUAL(uid, nobody->pw_uid);
	CU_ASSERT_EQUAL(tk_conf_value_group("daemon", &gid), 0);
	CU_ASSERT_EQUAL(gid, daemon->gr_gid);
	CU_ASSERT_EQUAL(tk_conf_value_user("4294967294", &uid), 0);
	CU_ASSERT_EQUAL(uid, 4294967294U);
	CU_ASSERT_EQUAL(tk_conf_value_group("0", &gid), 0);
	CU_ASSERT_EQUAL(gid, 0);

	uid = gid = 77;
	CU_ASSERT_EQUAL(tk_conf_value_user("4294967295", &uid), TK_E_RANGE); /* "leave it" */
	CU_ASSERT_EQUAL(tk_conf_value_group("99999999999999999999", &gid), TK_E_RANGE);
	CU_ASSERT_EQUAL(tk_conf_value_user("no such user", &uid), TK_E_PARSE);
	CU_ASSERT_EQUAL(tk_conf_value_group("no such group", &gid), TK_E_PARSE);
	CU_ASSERT_EQUAL(tk_conf_value_user("", &uid), TK_E_PARSE);
	CU_ASSERT_EQUAL(uid, 77);
	CU_ASSERT_EQUAL(gid, 77);
}

static void texts(void)
{
	CU_ASSERT_TRUE(tk_conf_value_printable("a", 1));
	CU_ASSERT_TRUE(tk_conf_value_printable("a b\xc3\xa9~", 6));
	CU_ASSERT_FALSE(tk_conf_value_printable("ab", 1));
	CU_ASSERT_FALSE(tk_conf_value_printable("", 10));
	CU_ASSERT_FALSE(tk_conf_value_printable("a\n", 10));
	CU_ASSERT_FALSE(tk_conf_value_printable("a\x1f", 10));
	CU_ASSERT_FALSE(tk_conf_value_printable("a\x7f", 10));

	CU_ASSERT_TRUE(tk_conf_value_path("/a", 2));
	CU_ASSERT_FALSE(tk_conf_value_path("/ab", 2));
	CU_ASSERT_FALSE(tk_conf_value_path("a/b", 10));
	CU_ASSERT_FALSE(tk_conf_value_path("/", 10));
	CU_ASSERT_FALSE(tk_conf_value_path("/a/", 10));
	CU_ASSERT_FALSE(tk_conf_value_path("", 10));
}

static const struct unit_test tests[] = {
	{ "modes", modes },
	{ "periods", periods },
	{ "users", users },
	{ "texts", texts },
};
UNIT_MAIN("conf_value", tests)
