/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_conf.c - tkprov.conf: what each option becomes, and for each way to get it wrong
 * the message with its line.
 *
 * Built with SYSCONFDIR "etc" and run in a folder of its own, so that the default file
 * is the test's too.
 */
#include "tests/unit/unit.h"

#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "common/conf.h"
#include "common/paths.h"

#define FILE_NAME "t.conf"

static void write_bytes(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(text, 1, len, f), len);
	CU_ASSERT_EQUAL(fclose(f), 0);
}

/* Loads `text` from FILE_NAME; what comes back is the caller's. */
static struct tk_conf *load(const char *text)
{
	struct tk_conf *conf = NULL;
	struct tk_error e = {0};
	int rc;

	write_bytes(FILE_NAME, text, strlen(text));
	rc = tk_conf_load(&conf, FILE_NAME, NULL, &e);
	CHECK(rc == 0 && conf, "%s: %s", text, e.text);
	if (!conf)
		CU_FAIL_FATAL("nothing to look at");
	return conf;
}

/* ---- what is right ---- */

static void check_defaults(const struct tk_conf *c)
{
	CU_ASSERT_EQUAL_FATAL(c->socket_count, 1);
	CU_ASSERT_STRING_EQUAL(c->sockets[0].path, TK_DEFAULT_SOCKET);
	CU_ASSERT_EQUAL(c->sockets[0].mode, 0600);
	CU_ASSERT_EQUAL(c->sockets[0].uid, (uid_t)-1);
	CU_ASSERT_EQUAL(c->sockets[0].gid, (gid_t)-1);
	CU_ASSERT_EQUAL(c->sockets[0].level, TK_LEVEL_ADMIN);
	CU_ASSERT_EQUAL_FATAL(c->ring_count, 1);
	CU_ASSERT_STRING_EQUAL(c->rings[0].name, "default");
	CU_ASSERT_PTR_NULL(c->rings[0].file);
	CU_ASSERT_EQUAL(c->rings[0].slots, 3);
	CU_ASSERT_EQUAL(c->rings[0].scope, TK_SCOPE_AUTO);
	CU_ASSERT_EQUAL(c->rings[0].server_name_count, 0);
	CU_ASSERT_FALSE(c->rings[0].persist);
	CU_ASSERT_EQUAL(c->rings[0].rotate_every, 43200);
	CU_ASSERT_EQUAL(c->on_error, TK_ON_ERROR_NO_TICKETS);
	CU_ASSERT_EQUAL(c->vault, TK_VAULT_AUTO);
	CU_ASSERT_EQUAL(c->max_key_age, 86400);
	CU_ASSERT_FALSE(c->stop_issuing);
	CU_ASSERT_EQUAL(c->program_count, 0);
	CU_ASSERT_TRUE(c->takeover);
	CU_ASSERT_TRUE(c->control_thread);
	CU_ASSERT_EQUAL(c->max_session_age, 86400);
	CU_ASSERT_EQUAL(c->log_target, TK_LOG_SYSLOG);
	CU_ASSERT_PTR_NULL(c->log_file);
	CU_ASSERT_EQUAL(c->log_level, LOG_NOTICE);
}

static void nothing_said(void)
{
	static const char *const texts[] = {
		"",
		"# only a comment",
		"sockets = (); rings = ();",
		"cluster = { endpoints = [ \"https://a:1\" ]; any = { thing = 1.5; }; };",
		"log = { };",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct tk_conf *c = load(texts[i]);

		check_defaults(c);
		CU_ASSERT_STRING_EQUAL(c->path, FILE_NAME);
		tk_conf_free(&c);
		CU_ASSERT_PTR_NULL(c);
	}
}

static void default_file(void)
{
	static const char text[] = "takeover = false;", wrong[] = "\ntakeove = false;";
	struct tk_conf *c = NULL;
	struct tk_error e;

	CU_ASSERT_EQUAL_FATAL(tk_conf_load(&c, NULL, NULL, &e), 0);
	check_defaults(c);
	CU_ASSERT_PTR_NULL(c->path);
	tk_conf_free(&c);

	CU_ASSERT_EQUAL(mkdir("etc", 0700), 0);
	CU_ASSERT_EQUAL(mkdir("etc/tkprov", 0700), 0);
	write_bytes(TK_DEFAULT_CONF, text, strlen(text));
	CU_ASSERT_EQUAL_FATAL(tk_conf_load(&c, NULL, NULL, &e), 0);
	CU_ASSERT_STRING_EQUAL(c->path, "etc/tkprov/tkprov.conf");
	CU_ASSERT_FALSE(c->takeover);
	tk_conf_free(&c);

	write_bytes(TK_DEFAULT_CONF, wrong, strlen(wrong));
	CU_ASSERT_EQUAL(tk_conf_load(&c, NULL, NULL, &e), TK_E_PARSE);
	CU_ASSERT_STRING_EQUAL(e.text, "etc/tkprov/tkprov.conf:2: unknown option 'takeove'; did "
				       "you mean 'takeover'?");
	CU_ASSERT_PTR_NULL(c);

	/* there, but not a file: not the same as not there */
	CU_ASSERT_EQUAL(unlink(TK_DEFAULT_CONF), 0);
	CU_ASSERT_EQUAL(mkdir(TK_DEFAULT_CONF, 0700), 0);
	CU_ASSERT_EQUAL(tk_conf_load(&c, NULL, NULL, &e), TK_E_SYS);
	CU_ASSERT_STRING_EQUAL(e.text, "etc/tkprov/tkprov.conf: not a regular file");
	CU_ASSERT_EQUAL(rmdir(TK_DEFAULT_CONF), 0);
	CU_ASSERT_EQUAL(rmdir("etc/tkprov"), 0);
	CU_ASSERT_EQUAL(rmdir("etc"), 0);
}

static void everything_said(void)
{
	struct tk_conf *c = load(
		"sockets = (\n"
		"  { path = \"/run/a.sock\"; mode = \"0660\"; user = \"root\"; group = \"12\";\n"
		"    level = \"operator\"; },\n"
		"  { path = \"/run/b.sock\"; mode = \"0\"; user = \"4294967294\";\n"
		"    level = \"user\"; }\n"
		");\n"
		"rings = (\n"
		"  { file = \"/k/a\"; persist = false; server_names = [ \"a.example\", \"*.a.example\" ]; },\n"
		"  { name = \"mem\"; slots = 32; scope = \"shared\"; rotate_every = \"2h\";\n"
		"    server_names = [ \"b.example\" ]; },\n"
		"  { name = \"rest\"; file = \"/k/c d\"; slots = 1; scope = \"context\";\n"
		"    server_names = []; }\n"
		");\n"
		"takeover = false; control_thread = false; max_session_age = \"90m\";\n"
		"on_error = \"builtin\"; vault = \"memfd\"; max_key_age = \"2h\";\n"
		"max_key_age_action = \"stop-issuing\"; programs = [ \"nginx\", \"httpd\" ];\n"
		"log = { target = \"/var/log/tkprov.log\"; level = \"debug\"; };\n");

	CU_ASSERT_EQUAL_FATAL(c->socket_count, 2);
	CU_ASSERT_STRING_EQUAL(c->sockets[0].path, "/run/a.sock");
	CU_ASSERT_EQUAL(c->sockets[0].mode, 0660);
	CU_ASSERT_EQUAL(c->sockets[0].uid, 0);
	CU_ASSERT_EQUAL(c->sockets[0].gid, 12);
	CU_ASSERT_EQUAL(c->sockets[0].level, TK_LEVEL_OPERATOR);
	CU_ASSERT_STRING_EQUAL(c->sockets[1].path, "/run/b.sock");
	CU_ASSERT_EQUAL(c->sockets[1].mode, 0);
	CU_ASSERT_EQUAL(c->sockets[1].uid, 4294967294U);
	CU_ASSERT_EQUAL(c->sockets[1].gid, (gid_t)-1);
	CU_ASSERT_EQUAL(c->sockets[1].level, TK_LEVEL_USER);

	CU_ASSERT_EQUAL_FATAL(c->ring_count, 3);
	CU_ASSERT_STRING_EQUAL(c->rings[0].name, "/k/a");
	CU_ASSERT_STRING_EQUAL(c->rings[0].file, "/k/a");
	CU_ASSERT_EQUAL(c->rings[0].slots, 3);
	CU_ASSERT_EQUAL_FATAL(c->rings[0].server_name_count, 2);
	CU_ASSERT_STRING_EQUAL(c->rings[0].server_names[0], "a.example");
	CU_ASSERT_STRING_EQUAL(c->rings[0].server_names[1], "*.a.example");
	CU_ASSERT_STRING_EQUAL(c->rings[1].name, "mem");
	CU_ASSERT_PTR_NULL(c->rings[1].file);
	CU_ASSERT_EQUAL(c->rings[1].slots, 32);
	CU_ASSERT_EQUAL(c->rings[1].scope, TK_SCOPE_SHARED);
	CU_ASSERT_STRING_EQUAL(c->rings[2].name, "rest");
	CU_ASSERT_STRING_EQUAL(c->rings[2].file, "/k/c d");
	CU_ASSERT_EQUAL(c->rings[2].slots, 1);
	CU_ASSERT_EQUAL(c->rings[2].scope, TK_SCOPE_CONTEXT);
	CU_ASSERT_EQUAL(c->rings[2].server_name_count, 0);

	CU_ASSERT_FALSE(c->rings[0].persist);
	CU_ASSERT_EQUAL(c->rings[0].rotate_every, 0);
	CU_ASSERT_FALSE(c->rings[1].persist);
	CU_ASSERT_EQUAL(c->rings[1].rotate_every, 7200);
	CU_ASSERT_TRUE(c->rings[2].persist);
	CU_ASSERT_EQUAL(c->rings[2].rotate_every, 0);
	CU_ASSERT_EQUAL(c->on_error, TK_ON_ERROR_BUILTIN);
	CU_ASSERT_EQUAL(c->vault, TK_VAULT_MEMFD);
	CU_ASSERT_EQUAL(c->max_key_age, 7200);
	CU_ASSERT_TRUE(c->stop_issuing);
	CU_ASSERT_EQUAL_FATAL(c->program_count, 2);
	CU_ASSERT_STRING_EQUAL(c->programs[0], "nginx");
	CU_ASSERT_STRING_EQUAL(c->programs[1], "httpd");
	CU_ASSERT_FALSE(c->takeover);
	CU_ASSERT_FALSE(c->control_thread);
	CU_ASSERT_EQUAL(c->max_session_age, 5400);
	CU_ASSERT_EQUAL(c->log_target, TK_LOG_FILE);
	CU_ASSERT_STRING_EQUAL(c->log_file, "/var/log/tkprov.log");
	CU_ASSERT_EQUAL(c->log_level, LOG_DEBUG);
	tk_conf_free(&c);
}

static void words(void)
{
	static const struct {
		const char *text;
		int target, level;
	} rows[] = {
		{ "log = { target = \"syslog\"; level = \"error\"; };", TK_LOG_SYSLOG, LOG_ERR },
		{ "log = { target = \"stderr\"; };", TK_LOG_STDERR, LOG_NOTICE },
		{ "log = { level = \"warning\"; };", TK_LOG_SYSLOG, LOG_WARNING },
		{ "log = { level = \"notice\"; };", TK_LOG_SYSLOG, LOG_NOTICE },
		{ "log = { level = \"info\"; };", TK_LOG_SYSLOG, LOG_INFO },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct tk_conf *c = load(rows[i].text);

		CHECK((int)c->log_target == rows[i].target, "%s", rows[i].text);
		CHECK(c->log_level == rows[i].level, "%s", rows[i].text);
		tk_conf_free(&c);
	}
}

/* Paths that only look alike. */
static void other_paths(void)
{
	static const char *const paths[] = {
		"/a", "/a/b", "/ab", "/a/.b", "/.a/b", "/a/..b", "/a/../b", "/a/...", "/a/b.", "/a./b",
	};
	char text[2048] = "sockets = ( ";
	size_t used = strlen(text);
	struct tk_conf *c;

	for (size_t i = 0; i < COUNT(paths); i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s{ path = \"%s\"; }",
					 i ? ", " : "", paths[i]);
	snprintf(text + used, sizeof(text) - used, " );");
	c = load(text);
	CU_ASSERT_EQUAL(c->socket_count, COUNT(paths));
	tk_conf_free(&c);
}

/* ---- what is wrong ---- */

/* The message without "t.conf:". */
static void refuse(const char *text, size_t len, int code, const char *message)
{
	struct tk_conf *conf = (struct tk_conf *)1;
	char want[TK_ERR_TEXT];
	struct tk_error e = {0};

	snprintf(want, sizeof(want), FILE_NAME ":%s", message);
	write_bytes(FILE_NAME, text, len);
	CHECK(tk_conf_load(&conf, FILE_NAME, NULL, &e) == code, "%s: %s", text, e.text);
	CHECK(strcmp(e.text, want) == 0, "%s\n    is:   %s\n    want: %s", text, e.text, want);
	CHECK(conf == NULL, "%s", text);
}

struct row {
	const char *text;
	int code;
	const char *message;
};

static void refuse_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		refuse(rows[i].text, strlen(rows[i].text), rows[i].code, rows[i].message);
}

#define P TK_E_PARSE
#define R TK_E_RANGE

static void unknown_options(void)
{
	static const struct row rows[] = {
		{ "\n\nxyz = 1;", P, "3: unknown option 'xyz'" },
		{ "foo = 1;", P, "1: unknown option 'foo'" },
		{ "lug = 1;", P, "1: unknown option 'lug'; did you mean 'log'?" },
		{ "max_age = \"1h\";", P, "1: unknown option 'max_age'" },
		{ "max_keys_ages = 1;", P,
		  "1: unknown option 'max_keys_ages'; did you mean 'max_key_age'?" },
		{ "max_sesion_age = \"1h\";", P,
		  "1: unknown option 'max_sesion_age'; did you mean 'max_session_age'?" },
		{ "rigns = ();", P, "1: unknown option 'rigns'; did you mean 'rings'?" },
		{ "Takeover = true;", P, "1: unknown option 'Takeover'; did you mean 'takeover'?" },
		{ "sockets = ( { path = \"/a\";\n mod = \"0600\"; } );", P,
		  "2: unknown option 'mod'; did you mean 'mode'?" },
		{ "rings = ( { name = \"a\"; },\n{\nslot = 3; } );", P,
		  "3: unknown option 'slot'; did you mean 'slots'?" },
		{ "log = {\n\n colour = true; };", P, "3: unknown option 'colour'" },
		/* an option of another group is not one here */
		{ "slots = 3;", P, "1: unknown option 'slots'" },
		{ "rings = ( { name = \"a\"; path = \"/a\"; } );", P, "1: unknown option 'path'" },
	};

	refuse_all(rows, COUNT(rows));
}

#define SLOTS "'slots' must be an integer from 1 to 32"
#define MODE "'mode' must be an octal mode in quotes, such as \"0660\", up to \"0777\""
#define PATH "'path' must be an absolute path of at most 100 printable bytes that does not end in /"
#define PERIOD "must be a number with s, m, h or d in quotes, such as \"24h\", from \"1s\" to \"366d\""
#define AGE "'max_session_age' " PERIOD
#define ON_ERROR "'on_error' must be \"no-tickets\", \"builtin\" or \"abort\""
#define VAULT "'vault' must be \"auto\", \"secret\" or \"memfd\""
#define ACTION "'max_key_age_action' must be \"warn\" or \"stop-issuing\""
#define PROGRAMS "'programs' must be an array of programs' names without folders, [ \"nginx\" ]"
#define NAMES "'server_names' must be an array of strings, [ \"example.org\", \"*.example.org\" ]"
#define NAME "'name' must be 1 to 255 printable bytes that do not begin with # or *"
#define NO_SERVER " is not a server name such as \"example.org\" or \"*.example.org\" " \
	"(letters, digits, - and _; others as xn--)"
#define TARGET "'target' must be \"syslog\", \"stderr\" or an absolute path of at most 4095 printable " \
	"bytes that does not end in /"
#define FILES "'file' must be an absolute path of at most 255 printable bytes that does not end in /"

static void wrong_types(void)
{
	static const struct row rows[] = {
		{ "\nsockets = { };", P,
		  "2: 'sockets' must be a list of at most 16 groups, ( { path = ... } ), not a group" },
		{ "sockets = ( 1 );", P, "1: 'sockets' must be a list of groups, ( { ... } )" },
		{ "rings = [ ];", P,
		  "1: 'rings' must be a list of groups, ( { file = ... } ), not an array" },
		{ "rings = (\n{ name = \"a\"; },\n\"b\" );", P,
		  "3: 'rings' must be a list of groups, ( { ... } )" },
		{ "takeover = 1;", P, "1: 'takeover' must be true or false, not 1" },
		{ "control_thread = \"no\";", P,
		  "1: 'control_thread' must be true or false, not \"no\"" },
		{ "max_session_age = 24;", P, "1: " AGE ", not 24" },
		{ "\non_error = 1;", P, "2: " ON_ERROR ", not 1" },
		{ "vault = true;", P, "1: " VAULT ", not true" },
		{ "max_key_age = 1;", P, "1: 'max_key_age' " PERIOD ", not 1" },
		{ "max_key_age_action = 0;", P, "1: " ACTION ", not 0" },
		{ "programs = \"nginx\";", P, "1: " PROGRAMS ", not \"nginx\"" },
		{ "programs = ( \"nginx\" );", P, "1: " PROGRAMS ", not a list" },
		{ "programs = [ 1 ];", R, "1: " PROGRAMS },
		{ "rings = ( { file = \"/a\";\npersist = 1; } );", P,
		  "2: 'persist' must be true or false, not 1" },
		{ "rings = ( { file = \"/a\";\nrotate_every = 12; } );", P,
		  "2: 'rotate_every' " PERIOD ", not 12" },
		{ "\nlog = \"syslog\";", P,
		  "2: 'log' must be a group, { target = ...; level = ...; }, not \"syslog\"" },
		{ "cluster = 1;", P, "1: 'cluster' must be a group, not 1" },
		{ "log = { target = 1; };", P,
		  "1: " TARGET ", not 1" },
		{ "log = { level = 7; };", P,
		  "1: 'level' must be \"error\", \"warning\", \"notice\", \"info\" or \"debug\", not 7" },
		{ "sockets = ( {\npath = 1; } );", P, "2: " PATH ", not 1" },
		{ "sockets = ( { path = \"/a\";\nmode = 0660; } );", P, "2: " MODE ", not 660" },
		{ "sockets = ( { path = \"/a\";\nuser = 0; } );", P,
		  "2: 'user' must be a user of this machine, or a number in quotes, not 0" },
		{ "sockets = ( { path = \"/a\";\ngroup = 0; } );", P,
		  "2: 'group' must be a group of this machine, or a number in quotes, not 0" },
		{ "sockets = ( { path = \"/a\";\nlevel = 3; } );", P,
		  "2: 'level' must be \"user\", \"operator\" or \"admin\", not 3" },
		{ "rings = ( { name = \"a\";\nslots = \"3\"; } );", P, "2: " SLOTS ", not \"3\"" },
		{ "rings = ( { name = \"a\";\nslots = 3.0; } );", P,
		  "2: " SLOTS ", not the float 3" },
		{ "rings = ( { name = \"a\";\nslots = true; } );", P, "2: " SLOTS ", not true" },
		{ "rings = ( { name = \"a\";\nslots = 3L; } );", P, "2: " SLOTS ", not 3L" },
		{ "rings = ( { name = true; } );", P, "1: " NAME ", not true" },
		{ "rings = ( { file = 1; } );", P, "1: " FILES ", not 1" },
		{ "rings = ( { name = \"a\"; scope = 1; } );", P,
		  "1: 'scope' must be \"auto\", \"context\" or \"shared\", not 1" },
		{ "rings = ( { name = \"a\";\nserver_names = \"x\"; } );", P,
		  "2: " NAMES ", not \"x\"" },
		{ "rings = ( { name = \"a\";\nserver_names = ( \"x\" ); } );", P,
		  "2: " NAMES ", not a list" },
		{ "rings = ( { name = \"a\";\nserver_names = [ 1 ]; } );", R, "2: " NAMES },
	};

	refuse_all(rows, COUNT(rows));
}

static void out_of_range(void)
{
	static const struct row rows[] = {
		{ "rings = ( { name = \"a\";\nslots = 0; } );", R, "2: " SLOTS ", not 0" },
		{ "rings = ( { name = \"a\";\nslots = 33; } );", R, "2: " SLOTS ", not 33" },
		{ "rings = ( { name = \"a\";\nslots = -1; } );", R, "2: " SLOTS ", not -1" },
		/* would be 3 if libconfig had its way */
		{ "rings = ( { name = \"a\";\nslots = 4294967299; } );", R,
		  "2: the number is too large" },
		{ "rings = ( { name = \"\"; } );", R, "1: " NAME ", not \"\"" },
		{ "rings = ( { name = \"a\\tb\"; } );", R, "1: " NAME ", not \"a?b\"" },
		{ "rings = ( { name = \"#0\"; } );", R, "1: " NAME ", not \"#0\"" },
		{ "rings = ( { name = \"*\"; } );", R, "1: " NAME ", not \"*\"" },
		{ "rings = ( { file = \"keys\"; } );", R, "1: " FILES ", not \"keys\"" },
		{ "rings = ( { file = \"/a\\x01\"; } );", R, "1: " FILES ", not \"/a?\"" },
		{ "rings = ( { file = \"/a/\"; } );", R, "1: " FILES ", not \"/a/\"" },
		{ "rings = ( { name = \"a\"; scope = \"Auto\"; } );", R,
		  "1: 'scope' must be \"auto\", \"context\" or \"shared\", not \"Auto\"" },
		{ "rings = ( { name = \"a\";\nserver_names = [ \"a..b\" ]; } );", P,
		  "2: 'a..b'" NO_SERVER },
		{ "rings = ( { name = \"a\"; server_names = [ \"m\xc3\xbcnchen.de\" ]; } );", P,
		  "1: 'm\xc3\xbcnchen.de'" NO_SERVER },
		{ "rings = ( { name = \"a\"; server_names = [ \"b\", \"*\" ]; } );", P, "1: '*'" NO_SERVER },
		{ "sockets = ( { path = \"a.sock\"; } );", R, "1: " PATH ", not \"a.sock\"" },
		{ "sockets = ( { path = \"\"; } );", R, "1: " PATH ", not \"\"" },
		{ "sockets = ( { path = \"/a\\nb\"; } );", R, "1: " PATH ", not \"/a?b\"" },
		{ "sockets = ( { path = \"/a\"; mode = \"0888\"; } );", R,
		  "1: " MODE ", not \"0888\"" },
		{ "sockets = ( { path = \"/a\"; mode = \"1777\"; } );", R,
		  "1: " MODE ", not \"1777\"" },
		{ "sockets = ( { path = \"/a\"; mode = \"\"; } );", R, "1: " MODE ", not \"\"" },
		{ "sockets = ( { path = \"/a\"; user = \"no such user\"; } );", R,
		  "1: 'user' must be a user of this machine, or a number in quotes, not \"no such user\"" },
		{ "sockets = ( { path = \"/a\"; group = \"4294967295\"; } );", R,
		  "1: 'group' must be a group of this machine, or a number in quotes, not \"4294967295\"" },
		{ "sockets = ( { path = \"/a\"; level = \"root\"; } );", R,
		  "1: 'level' must be \"user\", \"operator\" or \"admin\", not \"root\"" },
		{ "log = { target = \"a.log\"; };", R,
		  "1: " TARGET ", not \"a.log\"" },
		{ "log = { level = \"loud\"; };", R,
		  "1: 'level' must be \"error\", \"warning\", \"notice\", \"info\" or \"debug\", not \"loud\"" },
		{ "on_error = \"no tickets\";", R, "1: " ON_ERROR ", not \"no tickets\"" },
		{ "vault = \"memfd_secret\";", R, "1: " VAULT ", not \"memfd_secret\"" },
		{ "max_key_age = \"0s\";", R, "1: 'max_key_age' " PERIOD ", not \"0s\"" },
		{ "max_key_age_action = \"stop\";", R, "1: " ACTION ", not \"stop\"" },
		{ "programs = [ \"/usr/sbin/nginx\" ];", R, "1: " PROGRAMS },
		{ "programs = [ \"\" ];", R, "1: " PROGRAMS },
		{ "rings = ( { file = \"/a\"; rotate_every = \"12\"; } );", R,
		  "1: 'rotate_every' " PERIOD ", not \"12\"" },
		{ "max_session_age = \"24\";", R, "1: " AGE ", not \"24\"" },
		{ "max_session_age = \"0h\";", R, "1: " AGE ", not \"0h\"" },
		{ "max_session_age = \"367d\";", R, "1: " AGE ", not \"367d\"" },
		{ "max_session_age = \"9223372036854775808s\";", R,
		  "1: " AGE ", not \"9223372036854775808s\"" },
	};

	refuse_all(rows, COUNT(rows));
}

static void contradictions(void)
{
	static const struct row rows[] = {
		{ "takeover = true;\ntakeover = true;", P, "2: duplicate setting name 'takeover'" },
		{ "rings = ( { name = \"a\";\nname = \"b\"; } );", P,
		  "2: duplicate setting name 'name'" },
		{ "a = 1; ab = 2; abc = 3; /* ab */ ab /* abc */\n\n= \"a\"; abc = 1; a = 1; x y", P,
		  "1: duplicate setting name 'ab'" },
		{ "log={level=\"info\";target=\"a\";level=\"level\";target=1;};log={};", P,
		  "1: duplicate setting name 'level'" },
		{ "a-b = 1; a = 1; b = 1; a-b = 1", P, "1: duplicate setting name 'a-b'" },
		{ "\nsockets = (\n{ mode = \"0600\"; } );", P, "3: a socket needs a 'path'" },
		{ "sockets = ( { path = \"/a\"; },\n{ level = \"user\";\npath = \"/a\"; } );", R,
		  "3: socket '/a' is there twice" },
		{ "sockets = ( { path = \"/a/b\"; },\n{ path = \"//a/././b\"; } );", R,
		  "2: socket '//a/././b' is there twice" },
		{ "rings = (\n{ slots = 3; } );", P,
		  "2: a ring needs a 'file' or, to live in memory, a 'name'" },
		{ "rings = ( { file = \"/a\"; server_names = [ \"x\" ]; },\n{ name = \"b\";\n"
		  "file = \"/a\"; } );", R, "3: file '/a' is another ring's already" },
		{ "rings = ( { file = \"/a//b/./c\"; server_names = [ \"x\" ]; },\n"
		  "{ file = \"/./a/b///c\"; } );", R, "2: file '/./a/b///c' is another ring's already" },
		{ "rings = ( { file = \"/a/./.\"; server_names = [ \"x\" ]; },\n{ file = \"/a\"; } );", R,
		  "2: file '/a' is another ring's already" },
		{ "rings = ( { name = \"b\"; server_names = [ \"x\" ]; },\n{\nname = \"b\";\n"
		  "file = \"/a\"; } );", R, "3: name 'b' is another ring's already" },
		{ "rings = ( { file = \"/a\"; server_names = [ \"x\" ]; },\n{ file = \"/b\";\n"
		  "name = \"/a\"; } );", R, "3: name '/a' is another ring's already" },
		{ "rings = ( { name = \"n\"; file = \"/a\"; server_names = [ \"x\" ]; },\n"
		  "{ name = \"/a\"; } );", R, "2: name '/a' is another ring's already" },
		{ "rings = ( { name = \"/a\"; server_names = [ \"x\" ]; },\n{\n"
		  "file = \"/a\"; } );", R,
		  "3: file '/a' is another ring's name already" },
		{ "rings = ( { name = \"a\"; },\n{ name = \"b\"; server_names = [ ]; } );", R,
		  "2: rings 'a' and 'b' both have no server_names: only one ring can be for every "
		  "other name" },
		{ "rings = ( { name = \"a\"; server_names = [ \"x.org\" ]; },\n{ name = \"b\";\n"
		  "server_names = [ \"y.org\", \"X.ORG.\" ]; } );", R,
		  "3: server name 'X.ORG.' is in ring 'a' already" },
		{ "rings = ( { name = \"a\";\nserver_names = [ \"x.org\", \"x.org\" ]; } );", R,
		  "2: server name 'x.org' is there twice" },
		{ "rings = ( { name = \"a\";\npersist = true; } );", R,
		  "2: ring 'a' has no 'file' that it could be saved to" },
		{ "max_key_age = \"2s\"; max_key_age_action = \"stop-issuing\";", R,
		  "1: 'max_key_age' is shorter than 'rotate_every' of ring 'default': its key would be "
		  "too old before each rotation" },
		{ "rings = ( { file = \"/a\"; rotate_every = \"2h\"; } );\nmax_key_age = \"1h\";", R,
		  "2: 'max_key_age' is shorter than 'rotate_every' of ring '/a': its key would be "
		  "too old before each rotation" },
		{ "rings = ( { file = \"/a\"; rotate_every = \"2d\"; } );\n"
		  "max_key_age_action = \"stop-issuing\";", R,
		  "2: 'max_key_age' is shorter than 'rotate_every' of ring '/a': its key would be "
		  "too old before each rotation" },
		{ "rings = ( { file = \"/a\"; rotate_every = \"2h\"; } );\ncontrol_thread = false;", R,
		  "2: ring '/a' has 'rotate_every' and a file, which nobody keeps without a control "
		  "thread" },
		{ "rings = ( { file = \"/a\"; } );\nlog = { target = \"//a\"; };", R,
		  "2: the log's target '//a' is a ring's key file" },
		{ "log = { target = \"/s.lock\"; };\nsockets = ( { path = \"/s\"; } );", R,
		  "1: the log's target '/s.lock' is a name of socket '/s'" },
		{ "sockets = ( { path = \"/s\"; }, { path = \"/t\"; } );\n"
		  "rings = ( { file = \"/t.new\"; } );", R,
		  "1: a ring's key file '/t.new' is a name of socket '/t'" },
	};

	refuse_all(rows, COUNT(rows));
}

static void grammar(void)
{
	static const struct row rows[] = {
		{ "\ntakeover = maybe;", P, "2: syntax error" },
		{ "log = { target = \"syslog\";\n", P, "2: syntax error" },
		{ "log = { target = \"sys\n\n", P, "1: the string that begins here has no end" },
		{ "\n@include \"other.conf\"\n", P, "2: @include is not supported" },
		{ "takeover = true;\n/* never\nclosed", P,
		  "2: the comment that begins here has no end" },
	};
	static const char nul[] = "takeover = true;\n\0xyz = 1;";

	refuse_all(rows, COUNT(rows));
	refuse(nul, sizeof(nul) - 1, P, "2: a NUL byte");
}

static void lengths(void)
{
	static const struct {
		size_t len;
		bool ok;
	} rows[] = { { 99, true }, { 100, true }, { 101, false }, { 3000, false } };
	char path[3001], text[3200];

	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(path, 'p', sizeof(path));
		path[0] = '/';
		path[rows[i].len] = '\0';
		snprintf(text, sizeof(text), "sockets = ( { path = \"%s\"; } );", path);
		if (rows[i].ok) {
			struct tk_conf *c = load(text);

			CU_ASSERT_STRING_EQUAL(c->sockets[0].path, path);
			tk_conf_free(&c);
		} else {
			refuse(text, strlen(text), R, "1: " PATH ", not \"/ppppppppppppppppppp...\"");
		}
	}
}

/* How many sockets there may be. */
static void counts(void)
{
	for (unsigned n = TK_SOCKETS_MAX; n <= TK_SOCKETS_MAX + 1; n++) {
		char text[2048] = "sockets = (";
		size_t used = strlen(text);

		for (unsigned i = 0; i < n; i++)
			used += (size_t)snprintf(text + used, sizeof(text) - used,
						 "%s{ path = \"/run/%u\"; }", i ? "," : "", i);
		snprintf(text + used, sizeof(text) - used, ");");
		if (n > TK_SOCKETS_MAX) {
			refuse(text, strlen(text), R,
			       "1: 'sockets' must be a list of at most 16 groups, "
			       "( { path = ... } )");
		} else {
			struct tk_conf *c = load(text);

			CU_ASSERT_EQUAL(c->socket_count, n);
			CU_ASSERT_STRING_EQUAL(c->sockets[n - 1].path, "/run/15");
			tk_conf_free(&c);
		}
	}
}

static void not_a_file(void)
{
	static char large[1024 * 1024 + 1];
	struct tk_conf *c = NULL;
	struct tk_error e;

	CU_ASSERT_EQUAL(tk_conf_load(&c, "missing.conf", NULL, &e), TK_E_NOENT);
	CU_ASSERT_STRING_EQUAL(e.text, "missing.conf: No such file or directory");
	CU_ASSERT_EQUAL(tk_conf_load(&c, ".", NULL, &e), TK_E_SYS);
	CU_ASSERT_STRING_EQUAL(e.text, ".: not a regular file");

	CU_ASSERT_EQUAL(mkfifo("fifo.conf", 0600), 0);
	CU_ASSERT_EQUAL(tk_conf_load(&c, "fifo.conf", NULL, &e), TK_E_SYS);
	CU_ASSERT_STRING_EQUAL(e.text, "fifo.conf: not a regular file");
	CU_ASSERT_EQUAL(unlink("fifo.conf"), 0);

	memset(large, '\n', sizeof(large));
	write_bytes(FILE_NAME, large, sizeof(large) - 1);
	CU_ASSERT_EQUAL(tk_conf_load(&c, FILE_NAME, NULL, &e), 0);
	tk_conf_free(&c);
	write_bytes(FILE_NAME, large, sizeof(large));
	CU_ASSERT_EQUAL(tk_conf_load(&c, FILE_NAME, NULL, &e), TK_E_RANGE);
	CU_ASSERT_STRING_EQUAL(e.text, FILE_NAME ": larger than 1048576 bytes");
	CU_ASSERT_PTR_NULL(c);
}

static const struct unit_test tests[] = {
	{ "nothing said", nothing_said },
	{ "the default file", default_file },
	{ "everything said", everything_said },
	{ "words", words },
	{ "other paths", other_paths },
	{ "unknown options", unknown_options },
	{ "wrong types", wrong_types },
	{ "out of range", out_of_range },
	{ "contradictions", contradictions },
	{ "grammar", grammar },
	{ "lengths", lengths },
	{ "counts", counts },
	{ "not a file", not_a_file },
};

int main(void)
{
	return unit_main_in_folder("conf", tests, COUNT(tests), FILE_NAME);
}
