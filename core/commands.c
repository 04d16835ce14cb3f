/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.c - owns the look-up in the table of commands and the two lists made from it:
 * help, and the answer to an unknown command.  Knows no handler and authorises nothing.
 */
#include "core/commands.h"

#include <stdint.h>
#include <string.h>

#include "core/near.h"
#include "tkprov/err.h"

#define USAGE_WIDTH 40  /* HAProxy's column of help texts */

#define X(id_, words_, ...)                                                                        \
	_Static_assert(sizeof(words_) <= TK_NEAR_MAX + 1, "too long for tk_near_distance: " words_);
TK_COMMANDS(X)
#undef X

const struct tk_command tk_commands[TK_CMD_COUNT] = {
#define X(id_, words_, args_, help_, min_, max_, level_, flags_, secret_)                          \
	[TK_CMD_##id_] = { .id = TK_CMD_##id_,                                                     \
			   .words = words_,                                                        \
			   .args = args_,                                                          \
			   .help = help_,                                                          \
			   .min = min_,                                                            \
			   .max = max_,                                                            \
			   .level = level_,                                                        \
			   .flags = flags_,                                                        \
			   .secret = secret_ },
	TK_COMMANDS(X)
#undef X
};

static const char *const level_names[] = {
	[TK_LEVEL_USER] = "user",
	[TK_LEVEL_OPERATOR] = "operator",
	[TK_LEVEL_ADMIN] = "admin",
};

const char *tk_level_name(enum tk_level level)
{
	return level_names[level];
}

int tk_level_parse(const char *word, enum tk_level *out)
{
	for (unsigned i = 0; i < sizeof(level_names) / sizeof(level_names[0]); i++) {
		if (!strcmp(word, level_names[i])) {
			*out = (enum tk_level)i;
			return 0;
		}
	}
	return TK_E_PARSE;
}

enum tk_level tk_command_level(const struct tk_command *c, unsigned args)
{
	return args > 0 && (c->flags & TK_CMD_ADMIN_WITH_ARGS) != 0 ? TK_LEVEL_ADMIN : c->level;
}

/* Cuts the next word off *words, which becomes NULL behind the last one. */
static size_t cut_word(const char **words, const char **word)
{
	size_t len = strcspn(*words, " ");

	*word = *words;
	*words = (*words)[len] ? *words + len + 1 : NULL;
	return len;
}

static bool word_is(const char *given, const char *word, size_t len)
{
	return !strncmp(given, word, len) && given[len] == '\0';
}

/* How far a command's words and the given ones are the same.  *all: to the end of the
 * shorter of the two. */
static unsigned same_words(const struct tk_command *c, const struct tk_words *w, unsigned first,
			   bool *whole_command, bool *all)
{
	const char *words = c->words, *word;
	unsigned i = first;

	while (words && i < w->n) {
		size_t len = cut_word(&words, &word);

		if (!word_is(w->w[i], word, len)) {
			*whole_command = *all = false;
			return i - first;
		}
		i++;
	}
	*whole_command = words == NULL;
	*all = true;
	return i - first;
}

const struct tk_command *tk_command_find(const struct tk_words *w, unsigned *first, unsigned *args)
{
	const struct tk_command *found = NULL;
	bool whole, all;

	*first = 0;
	for (unsigned i = 0; i < TK_CMD_COUNT; i++) {
		unsigned n = same_words(&tk_commands[i], w, 0, &whole, &all);

		if (whole && n > *first) {
			found = &tk_commands[i];
			*first = n;
		}
	}
	*args = w->n - *first;
	return found;
}

/* A beginning of the word, or no more than a third of its letters wrong, one of a short
 * one; capitals are not. */
static bool word_near(const char *given, const char *word, size_t len)
{
	size_t given_len = strlen(given);
	char small[TK_NEAR_MAX];

	if (given_len > sizeof(small))
		return false;
	for (size_t i = 0; i < given_len; i++)
		small[i] = (char)(given[i] >= 'A' && given[i] <= 'Z' ? given[i] - 'A' + 'a' : given[i]);
	if (given_len < len && !memcmp(small, word, given_len))
		return true;
	return tk_near_distance(small, given_len, word, len) <= tk_near_allowed(len);
}

typedef bool rule_fn(const struct tk_command *c, const struct tk_words *w, unsigned first);

static bool rule_same(const struct tk_command *c, const struct tk_words *w, unsigned first)
{
	bool whole, all;

	same_words(c, w, first, &whole, &all);
	return all;
}

static bool rule_near(const struct tk_command *c, const struct tk_words *w, unsigned first)
{
	const char *words = c->words, *word;

	while (words && first < w->n) {
		size_t len = cut_word(&words, &word);

		if (!word_near(w->w[first++], word, len))
			return false;
	}
	return true;
}

static bool rule_family(const struct tk_command *c, const struct tk_words *w, unsigned first)
{
	bool whole, all;

	return same_words(c, w, first, &whole, &all) > 0;
}

static bool rule_any(const struct tk_command *c, const struct tk_words *w, unsigned first)
{
	(void)c, (void)w, (void)first;
	return true;
}

/* The strictest rule that fits any command of that level: its words so far, misspelt
 * words, its first word; failing these, all commands. */
static rule_fn *choose_rule(enum tk_level level, const struct tk_words *w, unsigned first)
{
	static rule_fn *const rules[] = { rule_same, rule_near, rule_family };

	for (unsigned r = 0; r < sizeof(rules) / sizeof(rules[0]); r++)
		for (unsigned i = 0; i < TK_CMD_COUNT; i++)
			if (tk_commands[i].level <= level && rules[r](&tk_commands[i], w, first))
				return rules[r];
	return rule_any;
}

static void list(struct tk_reply *out, enum tk_level level, rule_fn *rule,
		 const struct tk_words *w, unsigned first)
{
	for (unsigned i = 0; i < TK_CMD_COUNT; i++) {
		const struct tk_command *c = &tk_commands[i];
		int width = USAGE_WIDTH - (int)strlen(c->words) - 1;

		if (c->level > level)
			continue;
		if ((c->flags & TK_CMD_LAST_IN_HELP) == 0 && !rule(c, w, first))
			continue;
		if (*c->args)
			tk_reply_addf(out, "  %s %-*s: %s\n", c->words, width, c->args, c->help);
		else
			tk_reply_addf(out, "  %-*s: %s\n", USAGE_WIDTH, c->words, c->help);
	}
}

void tk_commands_help(struct tk_reply *out, enum tk_level level, const struct tk_words *w,
		      unsigned first)
{
	tk_reply_msg(out, TK_SEV_INFO, "The following commands are valid at this level:\n");
	list(out, level, choose_rule(level, w, first), w, first);
}

void tk_commands_unknown(struct tk_reply *out, enum tk_level level, const struct tk_words *w)
{
	rule_fn *rule = choose_rule(level, w, 0);

	tk_reply_msg(out, TK_SEV_INFO, "Unknown command: '%s'%s\n", w->n ? w->w[0] : "",
		     rule == rule_any
			     ? ". Please enter one of the following commands only:"
			     : ", but maybe one of the following ones is a better match:");
	list(out, level, rule, w, 0);
}
