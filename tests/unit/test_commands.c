/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_commands.c - the table itself, finding in it, help, and the answer to unknown
 * words.  First lines and layout are HAProxy's.
 */
#include "tests/unit/unit.h"

#include "core/commands.h"
#include "tkprov/err.h"

#define VALID "The following commands are valid at this level:\n"
#define SHOW_KEYS_LINE                                                                             \
	"  show tls-keys [id|*]                    : show tls keys references or dump tls ticket " \
	"keys when id specified\n"
#define SHOW_SLOTS_LINE                                                                            \
	"  show tls-key-slots [#id|file|*]         : show which key does what and how often it "   \
	"was used; no secrets\n"
#define SHOW_EVENTS_LINE                                                                           \
	"  show tls-key-events [n]                 : list the last <n> changes and readings of "   \
	"keys, 50 if not given\n"
#define SET_KEY_LINE                                                                               \
	"  set ssl tls-key [id|file] <key>         : set the next TLS key for the <id> or <file> " \
	"listener to <key>\n"
#define LAST_LINES                                                                                 \
	"  help [<command>]                        : list matching or all commands\n"              \
	"  prompt                                  : toggle interactive mode with prompt\n"        \
	"  quit                                    : disconnect\n"

static void split(const char *text, struct tk_words *w)
{
	static char line[1000];
	char *rest = line;

	CU_ASSERT_FATAL(strlen(text) < sizeof(line));
	strcpy(line, text);
	CU_ASSERT_EQUAL_FATAL(tk_words_next(&rest, w), 0);
}

static bool is_last(const struct tk_command *c)
{
	return (c->flags & TK_CMD_LAST_IN_HELP) != 0;
}

/* Sorted, help, prompt and quit last; every row in its place and making sense. */
static void table(void)
{
	for (unsigned i = 0; i < TK_CMD_COUNT; i++) {
		const struct tk_command *c = &tk_commands[i];

		CHECK((unsigned)c->id == i, "%s", c->words);
		CHECK(c->min <= c->max && c->secret <= c->max, "%s", c->words);
		CHECK(strlen(c->help) > 0 && c->level <= TK_LEVEL_ADMIN, "%s", c->words);
		/* HAProxy's help has no argument for prompt */
		if (c->id != TK_CMD_PROMPT)
			CHECK((c->max > 0) == (c->args[0] != '\0'), "%s", c->words);
		CHECK(!strchr(c->words, '\t') && !strstr(c->words, "  "), "%s", c->words);
		if (i > 0 && is_last(c) == is_last(c - 1))
			CHECK(strcmp(c[-1].words, c->words) < 0, "%s", c->words);
		if (i > 0)
			CHECK(is_last(c) >= is_last(c - 1), "%s", c->words);
	}
	CU_ASSERT_STRING_EQUAL(tk_commands[TK_CMD_SET_KEY].words, "set ssl tls-key");
	CU_ASSERT_EQUAL(tk_commands[TK_CMD_SET_KEY].secret, 2);
	CU_ASSERT_EQUAL(tk_commands[TK_CMD_SET_KEY].level, TK_LEVEL_ADMIN);
	CU_ASSERT_EQUAL(tk_commands[TK_CMD_ROTATE].level, TK_LEVEL_ADMIN);
}

static void find(void)
{
	static const struct {
		const char *line;
		int id; /* -1: unknown */
		unsigned args;
	} rows[] = {
		{ "show tls-keys", TK_CMD_SHOW_KEYS, 0 },
		{ "show tls-keys #0", TK_CMD_SHOW_KEYS, 1 },
		{ "show tls-keys a b c", TK_CMD_SHOW_KEYS, 3 },
		{ "set ssl tls-key", TK_CMD_SET_KEY, 0 },
		{ "set ssl tls-key a b", TK_CMD_SET_KEY, 2 },
		{ "set severity-output", TK_CMD_SET_SEVERITY, 0 },
		{ "set timeout cli 5", TK_CMD_SET_TIMEOUT, 2 },
		{ "show cli level", TK_CMD_SHOW_CLI_LEVEL, 0 },
		{ "operator", TK_CMD_OPERATOR, 0 },
		{ "prompt n", TK_CMD_PROMPT, 1 },
		{ "help", TK_CMD_HELP, 0 },
		{ "help set ssl", TK_CMD_HELP, 2 },
		{ "quit", TK_CMD_QUIT, 0 },
		{ "quit now", TK_CMD_QUIT, 1 },
		{ "rotate ssl tls-key *", TK_CMD_ROTATE, 1 },
		{ "", -1, 0 },
		{ "show", -1, 0 },
		{ "set ssl", -1, 0 },
		{ "set", -1, 0 },
		{ "show tls-key", -1, 0 },
		{ "show tls-keysx", -1, 0 },
		{ "Show tls-keys", -1, 0 },
		{ "sho tls-keys", -1, 0 },
		{ "show\\ tls-keys", -1, 0 },
		{ "tls-keys", -1, 0 },
		{ "xyzzy", -1, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct tk_command *c;
		unsigned first = 99, args = 99;
		struct tk_words w;

		split(rows[i].line, &w);
		c = tk_command_find(&w, &first, &args);
		CHECK((c ? (int)c->id : -1) == rows[i].id, "%s", rows[i].line);
		if (c)
			CHECK(args == rows[i].args && first + args == w.n, "%s", rows[i].line);
	}
}

/* Every command is found by its own words. */
static void find_all(void)
{
	for (unsigned i = 0; i < TK_CMD_COUNT; i++) {
		struct tk_words w;
		unsigned first, args;

		split(tk_commands[i].words, &w);
		CHECK(tk_command_find(&w, &first, &args) == &tk_commands[i], "%s",
		      tk_commands[i].words);
		CHECK(first == w.n && args == 0, "%s", tk_commands[i].words);
	}
}

static void levels(void)
{
	static const char *const names[] = { "user", "operator", "admin" };
	enum tk_level level;

	for (unsigned i = 0; i < COUNT(names); i++) {
		CHECK(!strcmp(tk_level_name((enum tk_level)i), names[i]), "%s", names[i]);
		CHECK(tk_level_parse(names[i], &level) == 0 && level == i, "%s", names[i]);
	}
	CU_ASSERT_EQUAL(tk_level_parse("Admin", &level), TK_E_PARSE);
	CU_ASSERT_EQUAL(tk_level_parse("", &level), TK_E_PARSE);
	CU_ASSERT_EQUAL(tk_command_level(&tk_commands[TK_CMD_SHOW_KEYS], 0), TK_LEVEL_USER);
	CU_ASSERT_EQUAL(tk_command_level(&tk_commands[TK_CMD_SHOW_KEYS], 1), TK_LEVEL_ADMIN);
	CU_ASSERT_EQUAL(tk_command_level(&tk_commands[TK_CMD_SHOW_KEYS], 5), TK_LEVEL_ADMIN);
	for (unsigned i = 0; i < TK_CMD_COUNT; i++)
		for (unsigned args = 0; args < 3; args++)
			CHECK(tk_command_level(&tk_commands[i], args) >= tk_commands[i].level,
			      "%s", tk_commands[i].words);
}

static void check_help(const char *filter, enum tk_level level, const char *want)
{
	struct tk_reply r = { 0 };
	struct tk_words w;

	split(filter, &w);
	tk_commands_help(&r, level, &w, 1);
	CHECK(r.text && !strcmp(r.text, want), "%s at %d:\n%s", filter, (int)level, r.text);
	CHECK(r.severity == TK_SEV_INFO, "%s", filter);
	tk_reply_fini(&r);
}

static void help_filter(void)
{
	check_help("help set ssl", TK_LEVEL_ADMIN, VALID SET_KEY_LINE LAST_LINES);
	check_help("help set ssl tls-key", TK_LEVEL_ADMIN, VALID SET_KEY_LINE LAST_LINES);
	check_help("help set ssl tls-key more", TK_LEVEL_ADMIN, VALID SET_KEY_LINE LAST_LINES);
	check_help("help show tls-keys", TK_LEVEL_USER, VALID SHOW_KEYS_LINE LAST_LINES);
	check_help("help show tls", TK_LEVEL_USER, VALID SHOW_SLOTS_LINE SHOW_KEYS_LINE LAST_LINES);
	check_help("help show tls", TK_LEVEL_OPERATOR,
		   VALID SHOW_EVENTS_LINE SHOW_SLOTS_LINE SHOW_KEYS_LINE LAST_LINES);
	check_help("help help", TK_LEVEL_ADMIN, VALID LAST_LINES);
	check_help("help quit", TK_LEVEL_USER, VALID LAST_LINES);
}

/* `usage` padded to 40, then the text. */
static void check_line(const char *text, const struct tk_command *c, bool listed)
{
	char line[300], usage[100];

	snprintf(usage, sizeof(usage), "%s%s%s", c->words, *c->args ? " " : "", c->args);
	snprintf(line, sizeof(line), "\n  %-40s: %s\n", usage, c->help);
	CHECK((strstr(text, line) != NULL) == listed, "%s", c->words);
}

/* Without a filter, and with one that nothing fits: all that the level may say. */
static void help_all(void)
{
	static const char *const lines[] = { "help", "help xyzzy" };

	for (size_t l = 0; l < COUNT(lines); l++) {
		for (unsigned level = TK_LEVEL_USER; level <= TK_LEVEL_ADMIN; level++) {
			struct tk_reply r = { 0 };
			struct tk_words w;
			size_t last = strlen(LAST_LINES);

			split(lines[l], &w);
			tk_commands_help(&r, (enum tk_level)level, &w, 1);
			CHECK(!strncmp(r.text, VALID, strlen(VALID)), "level %u", level);
			CHECK(r.len > last && !strcmp(r.text + r.len - last, LAST_LINES),
			      "level %u", level);
			for (unsigned i = 0; i < TK_CMD_COUNT; i++)
				check_line(r.text, &tk_commands[i], tk_commands[i].level <= level);
			tk_reply_fini(&r);
		}
	}
}

#define NEAR(word)                                                                                 \
	"Unknown command: '" word "', but maybe one of the following ones is a better match:\n"
#define NONE(word)                                                                                 \
	"Unknown command: '" word "'. Please enter one of the following commands only:\n"

static void check_unknown(const char *line, enum tk_level level, const char *want, bool whole)
{
	struct tk_reply r = { 0 };
	struct tk_words w;

	split(line, &w);
	tk_commands_unknown(&r, level, &w);
	CHECK(r.text && (whole ? !strcmp(r.text, want) : !strncmp(r.text, want, strlen(want))),
	      "%s:\n%s", line, r.text);
	CHECK(r.severity == TK_SEV_INFO, "%s", line);
	tk_reply_fini(&r);
}

static void unknown(void)
{
	static const char *const keys[] = { "show tls-kesy", "show tls_keys", "show tlskeys x y" };
	static const char *const both[] = { "show tls-key", "show tls", "show tls-keys2" };
	static const char *const set_key[] = { "set ssl tls-kye a b", "set ssl", "set sll tls-key",
					       "set ssl tls-keys x" };

	for (size_t i = 0; i < COUNT(keys); i++)
		check_unknown(keys[i], TK_LEVEL_USER, NEAR("show") SHOW_KEYS_LINE LAST_LINES, true);
	for (size_t i = 0; i < COUNT(both); i++)
		check_unknown(both[i], TK_LEVEL_USER,
			      NEAR("show") SHOW_SLOTS_LINE SHOW_KEYS_LINE LAST_LINES, true);
	for (size_t i = 0; i < COUNT(set_key); i++)
		check_unknown(set_key[i], TK_LEVEL_ADMIN, NEAR("set") SET_KEY_LINE LAST_LINES,
			      true);
	check_unknown("shwo tls-keys", TK_LEVEL_USER,
		      NEAR("shwo") SHOW_SLOTS_LINE SHOW_KEYS_LINE LAST_LINES, true);
	check_unknown("SHOW TLS-Keys", TK_LEVEL_USER,
		      NEAR("SHOW") SHOW_SLOTS_LINE SHOW_KEYS_LINE LAST_LINES, true);
	check_unknown("hepl", TK_LEVEL_USER, NEAR("hepl") LAST_LINES, true);
	check_unknown("xyzzy", TK_LEVEL_ADMIN, NONE("xyzzy"), false);
	check_unknown("show\\ tls-keys", TK_LEVEL_ADMIN, NONE("show tls-keys"), false);
	check_unknown("a-word-that-is-longer-than-any-of-the-words-in-the-table", TK_LEVEL_USER,
		      NONE("a-word-that-is-longer-than-any-of-the-words-in-the-table"), false);
}

/* What a session may not say is not proposed to it. */
static void unknown_below_admin(void)
{
	struct tk_reply r = { 0 };
	struct tk_words w;

	split("set ssl tls-kye", &w);
	tk_commands_unknown(&r, TK_LEVEL_USER, &w);
	check_line(r.text, &tk_commands[TK_CMD_SET_KEY], false);
	tk_reply_fini(&r);
	check_unknown("rotat ssl", TK_LEVEL_ADMIN, NEAR("rotat"), false);
	check_unknown("rotat ssl", TK_LEVEL_USER, NONE("rotat"), false);
}

/* A word of which nothing is like it: the family of its first word. */
static void unknown_family(void)
{
	struct tk_reply r = { 0 };
	struct tk_words w;

	split("show xyzzy", &w);
	tk_commands_unknown(&r, TK_LEVEL_ADMIN, &w);
	CU_ASSERT_EQUAL(strncmp(r.text, NEAR("show"), strlen(NEAR("show"))), 0);
	for (unsigned i = 0; i < TK_CMD_COUNT; i++)
		check_line(r.text, &tk_commands[i],
			   is_last(&tk_commands[i]) || !strncmp(tk_commands[i].words, "show ", 5));
	tk_reply_fini(&r);
}

static const struct unit_test tests[] = {
	{ "table", table },
	{ "find", find },
	{ "find all", find_all },
	{ "levels", levels },
	{ "help filter", help_filter },
	{ "help all", help_all },
	{ "unknown", unknown },
	{ "unknown below admin", unknown_below_admin },
	{ "unknown family", unknown_family },
};
UNIT_MAIN("commands", tests)
