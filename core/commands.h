/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commands.h - the one table of commands.  It drives the dispatcher, `help`, the
 * nearest-match list, tkctl (which argument is a secret) and the check of the
 * manual page.  Only the dispatcher authorises and counts; a handler cannot be
 * reached past it.
 *
 * Pure.
 */
#ifndef TK_COMMANDS_H
#define TK_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/reply.h"
#include "core/words.h"

enum tk_level { TK_LEVEL_USER, TK_LEVEL_OPERATOR, TK_LEVEL_ADMIN };

/* `user`, `operator`, `admin`. */
const char *tk_level_name(enum tk_level level);
/* 0, or TK_E_PARSE. */
int tk_level_parse(const char *word, enum tk_level *out);

enum {
	TK_CMD_ADMIN_WITH_ARGS = 1, /* with an argument it needs admin (it then shows secrets) */
	TK_CMD_LAST_IN_HELP = 2,    /* help, prompt, quit stand at the end */
	TK_CMD_EVENT = 4,           /* goes into the events, if it changes or shows secrets */
	TK_CMD_PAYLOAD = 8,         /* takes the lines that follow `<<` */
};

/*
 * X(ID, words, argument help, one line of help,
 *   min, max arguments that mean something (further ones are ignored),
 *   level, flags, which argument is a secret: 1.., 0 none)
 * Texts of show tls-keys and set ssl tls-key: HAProxy.
 */
#define TK_COMMANDS(X)                                                                             \
	X(CLEAR_COUNTERS, "clear counters", "", "set all counters to zero", 0, 0,                  \
	  TK_LEVEL_OPERATOR, TK_CMD_EVENT, 0)                                                      \
	X(FLUSH, "flush ssl tls-key", "[#id|file|*]",                                              \
	  "put new keys into every slot: all tickets out there die", 0, 1, TK_LEVEL_ADMIN,         \
	  TK_CMD_EVENT, 0)                                                                         \
	X(OPERATOR, "operator", "", "lower the level of the current CLI session to operator", 0,   \
	  0, TK_LEVEL_USER, 0, 0)                                                                  \
	X(RELOAD, "reload ssl tls-key", "[#id|file|*]",                                            \
	  "read the key file again and make it the ring", 0, 1, TK_LEVEL_ADMIN, TK_CMD_EVENT, 0)   \
	X(REPLACE, "replace ssl tls-key", "[#id|file] <<",                                         \
	  "make the keys of the payload, one a line, the ring", 0, 1, TK_LEVEL_ADMIN,              \
	  TK_CMD_EVENT | TK_CMD_PAYLOAD, 0)                                                        \
	X(ROTATE, "rotate ssl tls-key", "[#id|file|*]",                                            \
	  "make a new newest key for the <id> or <file> ring, or for all", 0, 1, TK_LEVEL_ADMIN,   \
	  TK_CMD_EVENT, 0)                                                                         \
	X(SAVE, "save ssl tls-key", "[#id|file|*]",                                                \
	  "write the ring into its key file, where that has not been done", 0, 1, TK_LEVEL_ADMIN,  \
	  TK_CMD_EVENT, 0)                                                                         \
	X(SET_SEVERITY, "set severity-output", "[none|number|string]",                             \
	  "set presence of severity level in feedback information", 0, 1, TK_LEVEL_USER, 0, 0)     \
	X(SET_KEY, "set ssl tls-key", "[id|file] <key>",                                           \
	  "set the next TLS key for the <id> or <file> listener to <key>", 0, 2, TK_LEVEL_ADMIN,   \
	  TK_CMD_EVENT, 2)                                                                         \
	X(SET_TIMEOUT, "set timeout", "[cli] <delay>", "change a timeout setting", 0, 2,           \
	  TK_LEVEL_USER, 0, 0)                                                                     \
	X(SHOW_CLI_LEVEL, "show cli level", "", "display the level of the current CLI session", 0, \
	  0, TK_LEVEL_USER, 0, 0)                                                                  \
	X(SHOW_CLI_SOCKETS, "show cli sockets", "", "dump list of cli sockets", 0, 0,              \
	  TK_LEVEL_USER, 0, 0)                                                                     \
	X(SHOW_INFO, "show info", "", "report information about the instance", 0, 0,               \
	  TK_LEVEL_USER, 0, 0)                                                                     \
	X(SHOW_PROCESSES, "show processes", "", "list the processes that share the keys", 0, 0,    \
	  TK_LEVEL_USER, 0, 0)                                                                     \
	X(SHOW_EVENTS, "show tls-key-events", "[n]",                                               \
	  "list the last <n> changes and readings of keys, 50 if not given", 0, 1,                 \
	  TK_LEVEL_OPERATOR, 0, 0)                                                                 \
	X(SHOW_SLOTS, "show tls-key-slots", "[#id|file|*]",                                        \
	  "show which key does what and how often it was used; no secrets", 0, 1, TK_LEVEL_USER,   \
	  0, 0)                                                                                    \
	X(SHOW_KEYS, "show tls-keys", "[id|*]",                                                    \
	  "show tls keys references or dump tls ticket keys when id specified", 0, 1,              \
	  TK_LEVEL_USER, TK_CMD_ADMIN_WITH_ARGS | TK_CMD_EVENT, 0)                                 \
	X(SHOW_VERSION, "show version", "", "show the module's version", 0, 0, TK_LEVEL_USER, 0,   \
	  0)                                                                                       \
	X(USER, "user", "", "lower the level of the current CLI session to user", 0, 0,            \
	  TK_LEVEL_USER, 0, 0)                                                                     \
	X(HELP, "help", "[<command>]", "list matching or all commands", 0, TK_WORDS_MAX,           \
	  TK_LEVEL_USER, TK_CMD_LAST_IN_HELP, 0)                                                   \
	X(PROMPT, "prompt", "", "toggle interactive mode with prompt", 0, 1, TK_LEVEL_USER,        \
	  TK_CMD_LAST_IN_HELP, 0)                                                                  \
	X(QUIT, "quit", "", "disconnect", 0, 0, TK_LEVEL_USER, TK_CMD_LAST_IN_HELP, 0)

enum tk_command_id {
#define X(id, ...) TK_CMD_##id,
	TK_COMMANDS(X)
#undef X
	TK_CMD_COUNT
};

struct tk_command {
	enum tk_command_id id;
	const char *words;   /* "set ssl tls-key" */
	const char *args;    /* "[id|file] <key>" or "" */
	const char *help;
	unsigned min, max;   /* arguments */
	enum tk_level level;
	unsigned flags;
	unsigned secret;     /* 1-based argument that is a secret, 0: none */
};

/* All of them, in the order of help: sorted by words, then help, prompt, quit. */
extern const struct tk_command tk_commands[TK_CMD_COUNT];

/* The command whose words are the first ones of w, or NULL.  *args becomes the number
 * of words after them and *first the index of the first of those. */
const struct tk_command *tk_command_find(const struct tk_words *w, unsigned *first, unsigned *args);

/* The level that this call needs, its arguments considered. */
enum tk_level tk_command_level(const struct tk_command *c, unsigned args);

/* `help [words]`: HAProxy's list of what a session of that level may say, filtered by
 * the words (a command is listed if its words begin with them). */
void tk_commands_help(struct tk_reply *out, enum tk_level level, const struct tk_words *w,
		      unsigned first);

/* The answer to an unknown command: near matches (edit distance), or the whole list.
 * First lines, source HAProxy master:
 *   Unknown command: 'WORD', but maybe one of the following ones is a better match:
 *   Unknown command: 'WORD'. Please enter one of the following commands only:
 * an empty command: "Unknown command. Please enter one of ..." is never asked for. */
void tk_commands_unknown(struct tk_reply *out, enum tk_level level, const struct tk_words *w);

#endif
