/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_conf_ahead.c - what holds of tkprov.conf whatever else in it is wrong: on_error, programs
 * and log.
 *
 * on_error was lost where libconfig never saw the text, log in every broken file; and a broken
 * file that was for one program only took the tickets of all others.  Behind a missing pair of
 * quotes, where the example has them, all three were lost.
 */
#include "tests/unit/unit.h"

#include <syslog.h>

#include "common/conf.h"

#define FILE_NAME "t.conf"

/* on_error, programs, target, level: "abort nginx,haproxy /var/log/x 7". */
static void describe(const struct tk_conf *conf, char *out, size_t len)
{
	static const char *const words[] = { "no-tickets", "builtin", "abort" };
	static const char *const targets[] = { "syslog", "stderr" };
	size_t used = (size_t)snprintf(out, len, "%s ", words[conf->on_error]);

	for (unsigned i = 0; i < conf->program_count; i++)
		used += (size_t)snprintf(out + used, len - used, "%s%s", i ? "," : "",
					 conf->programs[i]);
	snprintf(out + used, len - used, "%s %s %d", conf->program_count ? "" : "all",
		 conf->log_file ? conf->log_file : targets[conf->log_target], conf->log_level);
}

static void check(const char *text, size_t len, const char *want)
{
	struct tk_conf *conf = (struct tk_conf *)1, *ahead = NULL;
	struct tk_error e = { .text = "" };
	FILE *f = fopen(FILE_NAME, "w");
	char is[512] = "";

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_EQUAL(fwrite(text, 1, len, f), len);
	CU_ASSERT_EQUAL(fclose(f), 0);
	CHECK(tk_conf_load(&conf, FILE_NAME, &ahead, &e) != 0 && conf == NULL, "%s", text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ahead);
	describe(ahead, is, sizeof(is));
	CHECK(strcmp(is, want) == 0, "%s\n    is:   %s\n    want: %s", text, is, want);
	CU_ASSERT_EQUAL(ahead->socket_count + ahead->ring_count, 0);
	tk_conf_free(&ahead);
}

struct row {
	const char *text;
	const char *want;
};

static void check_all(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		check(rows[i].text, strlen(rows[i].text), rows[i].want);
}

#define NOTHING "no-tickets all syslog 5"
#define ONE "on_error = \"abort\";\n"
#define TWO \
	"programs = [ \"nginx\", \"haproxy\" ];\n" \
	"log = { target = \"stderr\"; level = \"debug\"; };\n"
#define ALL ONE TWO
#define ALL_IS "abort nginx,haproxy stderr 7"

/* The text is a tree: the three hold wherever they stand. */
static void options(void)
{
	static const struct row rows[] = {
		{ "takeove = true;", NOTHING },
		{ "takeove = true; # not ended", NOTHING },
		{ "takeove = true;" ALL, ALL_IS },
		{ ALL "slots = 1;", ALL_IS },
		{ ALL "slots = 1 # not ended", ALL_IS },
		{ ALL "rings = ( { } );", ALL_IS },
		{ ALL "sockets = ( { path = \"x\"; } );", ALL_IS },
		{ "slots = 1; on_error = \"builtin\";", "builtin all syslog 5" },
		{ "slots = 1; programs = [ ]; log = { };", NOTHING },
		{ "log = { target = \"/a/b\"; }; on_error = \"no-tickets\"; slots = 1;",
		  "no-tickets all /a/b 5" },
	};

	check_all(rows, COUNT(rows));
}

/* One of the three is wrong itself: its default, and the others hold. */
static void wrong_themselves(void)
{
	static const struct row rows[] = {
		{ "on_error = \"never\";", NOTHING },
		{ "on_error = 3; programs = [ \"nginx\" ];", "no-tickets nginx syslog 5" },
		{ "on_error = \"abort\"; programs = \"nginx\";", "abort all syslog 5" },
		{ "on_error = \"abort\"; programs = [ 1 ];", "abort all syslog 5" },
		{ "programs = [ \"nginx\", \"/usr/sbin/haproxy\" ];", NOTHING },
		{ "log = { target = \"stderr\"; level = \"loud\"; };", "no-tickets all stderr 5" },
		{ "log = { targt = 1; level = \"error\"; target = \"stderr\"; };",
		  "no-tickets all stderr 3" },
		{ "log = { target = \"x\"; level = \"info\"; }; on_error = \"abort\";",
		  "abort all syslog 6" },
		{ "log = \"stderr\"; on_error = \"abort\";", "abort all syslog 5" },
	};

	check_all(rows, COUNT(rows));
}

/* A mistake costs the setting that it is in, wherever that stands. */
static void mistakes(void)
{
	static const char *const rows[] = {
		"what = 1;", "vault = 1;", "max_session_age = \"0s\";", "max_key_age = \"1s\";",
		"sockets = ( { path = \"x\"; } );", "sockets = ( { path = \"/x/\"; } );",
		"vault = \"auto\"; vault = \"auto\";", "vault = \"auto\" vault = \"auto\"",
		"vault = auto;", "vault = auto", "vault = ;", "vault =", "vault = \"auto\";;",
		"= 3", "= \"a\";", "vault \"auto\";", "vault", "vault == \"auto\";", "vault: auto;",
		"vault = 'auto';", "\"vault\" = \"auto\";", "a.b = 1;", "$", "3", ";", ",", "*/",
		"rings = ( { file = \"/x\"; scope = auto; } );",
		"rings = ( { file = \"/x\"; slots = 3; slots = 3; } );",
		"rings = ( { file = \"/x\" } { file = \"/y\" } );",
		"rings = (\n  { file = \"/x\"\n    slots 3 }\n)",
		"rings = ( { file = \"/x\"; server_names = [ \"a\" \"b\", c ]; } );",
		"rings = ( { file = /x; } ); # on_error = \"builtin\";\n",
		"rings = ( { slots = 4294967299; } );", "a = 4294967299",
		"cluster = { on_error = builtin; };",
		"/* \" */ vault = auto; /* on_error = \"builtin\"; */",
		"vault = \"on_error = \\\"builtin\\\";\" \"\n;on_error = \" x;",
	};
	char text[1024];

	for (size_t i = 0; i < COUNT(rows); i++) {
		static const char *const forms[] = {
			ALL "%s\n", "%s\n" ALL, ONE "%s\n" TWO, ONE "%s " TWO "\n", "%s\n" ALL "x y\n",
		};

		for (size_t k = 0; k < COUNT(forms); k++) {
			snprintf(text, sizeof(text), forms[k], rows[i]);
			check(text, strlen(text), ALL_IS);
		}
	}
}

/* After these nobody knows what is inside and what is outside: what stands before holds. */
static void mistakes_without_end(void)
{
	static const char *const rows[] = {
		"rings = ( { file = \"x\" );\ntakeover = true;", "rings = ( { file = \"x\"; }\n",
		"rings = ( { file = \"x\"; } ) );", ")", "rings = ( { file = \"x;\n\n",
		"vault = \"auto;", "/* never\nclosed", "vault = \"auto\"; /*", "\n@include \"x\"",
	};
	char text[1024];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(text, sizeof(text), ALL "%s\n", rows[i]);
		check(text, strlen(text), ALL_IS);
		snprintf(text, sizeof(text), ONE "%s\n", rows[i]);
		check(text, strlen(text), "abort all syslog 5");
	}
}

static void behind_what_has_no_end(void)
{
	static const struct row rows[] = {
		{ ")\n" ALL, NOTHING },
		{ ")\n( " ALL, NOTHING },
		{ "( \n" ALL, NOTHING },
		{ "rings = ( { file = \"x\" );\n" ALL, NOTHING },
		{ "@include \"x\"\n" ALL, NOTHING },
		{ "/* never\n" ALL, NOTHING },
	};
	static const char before[] = ALL "\0takeover = true;", behind[] = "\0;" ALL;

	check_all(rows, COUNT(rows));
	check(before, sizeof(before) - 1, ALL_IS);
	check(behind, sizeof(behind) - 1, NOTHING);
}

/* The text is no tree: where its settings begin and end. */
static void grammar(void)
{
	static const struct row rows[] = {
		{ ALL "takeover = maybe;\n" "on_error = \"builtin\";", ALL_IS },
		{ "on_error = \"builtin\"; on_error = \"abort\";", "builtin all syslog 5" },
		{ "on_error = \"no-tickets\"\non_error = \"builtin\"", NOTHING },
		{ "on_error = \"never\"; on_error = \"abort\";", NOTHING },
		{ "on_error = never; on_error = \"abort\";", "abort all syslog 5" },
		{ "on_error = \"abort\" takeover = maybe;", "abort all syslog 5" },
		{ "on_error = \"abort\", takeover = maybe, programs = [ \"a\" ], x", "abort all syslog 5" },
		{ "takeover = on_error = \"abort\";", "abort all syslog 5" },
		{ "on_error = \"abort\"\nprograms = [ \"a\" ]\n\n= maybe", "abort a syslog 5" },
		{ "on_error = \"abort\" /* never", "abort all syslog 5" },
		{ "on_error = # comment;\n\"abort\"; # ;\n/* ; */ x y", "abort all syslog 5" },
		{ "x y; on_error\n# =\n: /* ; */\n\"ab\" # ;\n\n\"or\" \"t\" x = y",
		  "abort all syslog 5" },
		{ "on_error =\n\n\"abort\"\n\n= 3", "abort all syslog 5" },
		{ "x-on_error = \"abort\"; x.on_error = \"abort\"; x*on_error = \"abort\"; x", NOTHING },
		{ "cluster = { on_error = \"abort\"; log = { level = \"debug\"; }; }; x", NOTHING },
		{ "takeover = ( on_error = \"abort\" );", NOTHING },
	};

	check_all(rows, COUNT(rows));
}

/* libconfig takes for an @include what begins its text; it would end the process. */
static void no_include(void)
{
	static const struct row rows[] = {
		{ "a = 1; @include \".\" # on_error\non_error = \"abort\";", "abort all syslog 5" },
		{ "a = 1\n/* */ @include \".\" # on_error\non_error = \"abort\";",
		  "abort all syslog 5" },
	};

	check_all(rows, COUNT(rows));
}

/* Half a list of programs would leave out some that are meant. */
static void half_read(void)
{
	static const struct row rows[] = {
		{ "programs = [ \"nginx\", ha ];", NOTHING },
		{ "programs = [ \"nginx\", \"ha\n", NOTHING },
		{ "programs = [ \"nginx\",\n\"haproxy\"\n", NOTHING },
		{ "on_error = \"abort\"; programs = [ \"nginx\", 4294967299 ];",
		  "abort all syslog 5" },
		{ "on_error = \"abort\";\nlog = { target = \"stderr\"; level = loud; };",
		  "abort all syslog 5" },
	};

	check_all(rows, COUNT(rows));
}

/* Many mistakes do not take long, however the text is made. */
static void long_text(void)
{
	static char text[1024 * 1024];
	static const char head[] = "on_error = \"abort\";\n";

	for (size_t i = 0; i + 2 <= sizeof(text); i += 2)
		memcpy(text + i, "a;", 2);
	check(text, sizeof(text), NOTHING);
	for (size_t i = 0; i + 8 <= sizeof(text); i += 8)
		memcpy(text + i, "xlog=1; ", 8);
	check(text, sizeof(text), NOTHING);
	memset(text, '\n', sizeof(text));
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + sizeof(text) - 4, "x =\n", 4);
	check(text, sizeof(text), "abort all syslog 5");
}

static void no_text(void)
{
	struct tk_conf *conf, *ahead;
	struct tk_error e;
	char is[512];

	CU_ASSERT_EQUAL(tk_conf_load(&conf, "missing.conf", &ahead, &e), TK_E_NOENT);
	CU_ASSERT_PTR_NOT_NULL_FATAL(ahead);
	describe(ahead, is, sizeof(is));
	CU_ASSERT_STRING_EQUAL(is, NOTHING);
	tk_conf_free(&ahead);
}

static const struct unit_test tests[] = {
	{ "options", options },     { "wrong themselves", wrong_themselves },
	{ "mistakes", mistakes },
	{ "mistakes without an end", mistakes_without_end },
	{ "behind what has no end", behind_what_has_no_end },
	{ "grammar", grammar },     { "half read", half_read },
	{ "no include", no_include },
	{ "long text", long_text }, { "no text", no_text },
};

int main(void)
{
	return unit_main_in_folder("conf_ahead", tests, COUNT(tests), FILE_NAME);
}
