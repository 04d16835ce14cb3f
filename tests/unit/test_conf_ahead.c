/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_conf_ahead.c - what holds of tkprov.conf whatever else in it is wrong: on_error, programs
 * and log.
 *
 * on_error was lost where libconfig never saw the text, log in every broken file; and a broken
 * file that was for one program only took the tickets of all others.
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
#define ALL \
	"on_error = \"abort\";\nprograms = [ \"nginx\", \"haproxy\" ];\n" \
	"log = { target = \"stderr\"; level = \"debug\"; };\n"
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

/* The text is no tree: what stands whole before the mistake. */
static void grammar(void)
{
	static const struct row rows[] = {
		{ ALL "takeover = maybe;", ALL_IS },
		{ ALL "takeover = maybe;\n" "on_error = \"builtin\";", ALL_IS },
		{ "takeover = maybe; on_error = \"abort\";", NOTHING },
		{ "on_error = \"abort\"; takeover = maybe;", "abort all syslog 5" },
		{ "on_error = \"abort\" takeover = maybe;", NOTHING },
		{ "on_error = \"abort\"\nprograms = [ \"a\" ]\n\n= maybe", "abort a syslog 5" },
		{ "on_error = \"abort\"; on_error = \"abort\";", "abort all syslog 5" },
		{ ALL "rings = ( { file = \"x\" );\ntakeover = true;", ALL_IS },
		{ ALL "rings = ( { file = \"x;\n\n", ALL_IS },
		{ ALL "/* never\nclosed", ALL_IS },
		{ "on_error = \"abort\" /* never", "abort all syslog 5" },
		{ ALL "@include \"x\"\n", ALL_IS },
		{ ALL "rings = ( { slots = 4294967299; } );", ALL_IS },
		{ "slots = 4294967299; on_error = \"abort\";", NOTHING },
		{ "on_error = # comment;\n\"abort\"; # ;\n/* ; */ x y", "abort all syslog 5" },
		{ "on_error =\n\n\"abort\"\n\n= 3", "abort all syslog 5" },
		{ ")\n" ALL, NOTHING },
		{ ALL ")\n", ALL_IS },
	};
	static const char nul[] = ALL "\0takeover = true;";

	check_all(rows, COUNT(rows));
	check(nul, sizeof(nul) - 1, ALL_IS);
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
	{ "grammar", grammar },     { "half read", half_read },
	{ "long text", long_text }, { "no text", no_text },
};

int main(void)
{
	return unit_main_in_folder("conf_ahead", tests, COUNT(tests), FILE_NAME);
}
