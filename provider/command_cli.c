/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_cli.c - the commands that are about the session itself: what it may do, how it
 * is answered, how long it may be silent.  Texts: HAProxy's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/command.h"

/* ---- level ---- */

static void lower(struct tk_speaker *who, enum tk_level level, struct tk_reply *out)
{
	if (who->level < level) {
		tk_reply_msg(out, TK_SEV_ERR, "Permission denied");
		tk_speaker_record(who, TK_EVENT_NO_RING, NULL, TK_EVENT_DENIED);
		return;
	}
	who->level = level;
}

void tk_command_operator(struct tk_speaker *who, unsigned argc, char *const *argv,
			 struct tk_reply *out)
{
	(void)argc, (void)argv;
	lower(who, TK_LEVEL_OPERATOR, out);
}

void tk_command_user(struct tk_speaker *who, unsigned argc, char *const *argv,
		     struct tk_reply *out)
{
	(void)argc, (void)argv;
	lower(who, TK_LEVEL_USER, out);
}

void tk_command_cli_level(struct tk_speaker *who, unsigned argc, char *const *argv,
			  struct tk_reply *out)
{
	(void)argc, (void)argv;
	tk_reply_msg(out, TK_SEV_INFO, "%s", tk_level_name(who->level));
}

void tk_command_cli_sockets(struct tk_speaker *who, unsigned argc, char *const *argv,
			    struct tk_reply *out)
{
	const struct tk_conf *conf = who->inst->conf;

	(void)argc, (void)argv;
	tk_reply_addf(out, "# socket lvl processes\n");
	for (unsigned i = 0; i < conf->socket_count; i++)
		if (tk_fd_ok(&who->inst->listeners[i])) /* another server may have had the path */
			tk_reply_addf(out, "unix@%s %s all\n", conf->sockets[i].path,
				      tk_level_name(conf->sockets[i].level));
}

/* ---- answers ---- */

void tk_command_set_severity(struct tk_speaker *who, unsigned argc, char *const *argv,
			     struct tk_reply *out)
{
	if (argc < 1 || tk_sev_mode_parse(argv[0], &who->severity) != 0)
		tk_reply_msg(out, TK_SEV_ERR, "one of 'none', 'number', 'string' is a required "
					      "argument");
}

/* Toggles; `n`, `i` and `p` (none, interactive, with prompt) say which of them it shall be. */
void tk_command_prompt(struct tk_speaker *who, unsigned argc, char *const *argv,
		       struct tk_reply *out)
{
	bool on = !who->interactive;
	const char *word = argc > 0 ? argv[0] : "";

	(void)out;
	who->interactive = strcmp(word, "n") != 0 &&
			   (on || strcmp(word, "i") == 0 || strcmp(word, "p") == 0);
	who->prompt = who->interactive && strcmp(word, "i") != 0;
}

void tk_command_quit(struct tk_speaker *who, unsigned argc, char *const *argv,
		     struct tk_reply *out)
{
	(void)argc, (void)argv, (void)out;
	who->quit = true;
}

/* ---- time ---- */

/* A number with a unit, seconds if there is none, rounded up to seconds; 0: it is not that, or too
 * much.  As HAProxy 2.6 reads it: big numbers come round, and what follows a unit is passed over. */
static int64_t seconds(const char *text)
{
	static const struct {
		const char *unit;
		uint64_t us;
	} units[] = { { "us", 1 },
		      { "ms", 1000 },
		      { "s", 1000000 },
		      { "m", 60 * 1000000ULL },
		      { "h", 3600 * 1000000ULL },
		      { "d", 86400 * 1000000ULL } };
	uint64_t n = 0, us = 0, s;

	if (*text < '0' || *text > '9')
		return 0;
	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (uint64_t)(*text - '0');
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && us == 0; i++)
		if (strncmp(text, units[i].unit, strlen(units[i].unit)) == 0)
			us = units[i].us;
	if (*text == '\0')
		us = 1000000;
	if (us == 0)
		return 0;
	s = us >= 1000000 ? n * (us / 1000000) : n / (1000000 / us) + (n % (1000000 / us) > 0);
	return s <= INT32_MAX ? (int64_t)s : 0;
}

void tk_command_set_timeout(struct tk_speaker *who, unsigned argc, char *const *argv,
			    struct tk_reply *out)
{
	int64_t s = argc > 1 ? seconds(argv[1]) : 0;

	if (argc < 1 || strcmp(argv[0], "cli") != 0)
		tk_reply_msg(out, TK_SEV_ERR, "'set timeout' only supports 'cli'.");
	else if (argc < 2)
		tk_reply_msg(out, TK_SEV_ERR, "Expects an integer value.");
	else if (s < 1)
		tk_reply_msg(out, TK_SEV_ERR, "Invalid timeout value.");
	else
		who->timeout = s * 1000;
}
