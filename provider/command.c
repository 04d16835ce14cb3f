/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.c - the dispatcher, and the commands that show and change no key.  Only the dispatcher
 * authorises, and sees to it that what must be known later is an event; handlers cannot
 * be reached past it.
 */
#include "provider/command.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "provider/clock.h"
#include "provider/counters.h"
#include "provider/show.h"

#define EVENTS_SHOWN 50

/* ---- the speaker ---- */

/* Everybody may read the name, unless the server has another root by now. */
static void find_program(pid_t pid, char out[static TK_PROGRAM_LEN])
{
	char path[64], text[TK_PROGRAM_LEN];
	ssize_t n = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	for (char *c = text; *c != '\0'; c++) /* the peer chooses it */
		if (!isgraph((unsigned char)*c))
			*c = '?';
	memset(out, 0, TK_PROGRAM_LEN);
	memcpy(out, text[0] != '\0' ? text : "-", text[0] != '\0' ? strlen(text) : 1);
}

int tk_speaker_init(struct tk_speaker *who, struct tk_instance *inst, unsigned socket, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred), domain_len = sizeof(int);
	int domain = 0;

	/* Of a TCP connection SO_PEERCRED says that nobody is there. */
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &domain_len) == -1 || domain != AF_UNIX)
		return TK_E_DENIED;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1 || cred.uid == (uid_t)-1)
		return TK_E_SYS;
	*who = (struct tk_speaker){ .inst = inst,
				    .socket = socket,
				    .level = inst->conf->sockets[socket].level,
				    .timeout = TK_SPEAKER_TIMEOUT_MS,
				    .uid = cred.uid,
				    .gid = cred.gid,
				    .pid = cred.pid };
	find_program(cred.pid, who->program);
	return 0;
}

void tk_speaker_record(struct tk_speaker *who, unsigned ring, const uint8_t *name,
		       enum tk_event_result result)
{
	struct tk_event ev = {
		.time = tk_now(),
		.uid = who->uid,
		.gid = who->gid,
		.pid = who->pid,
		.socket = who->socket,
		.command = who->command,
		.ring = ring,
		.result = result,
	};

	memcpy(ev.program, who->program, sizeof(ev.program));
	if (name != NULL)
		memcpy(ev.name, name, sizeof(ev.name));
	tk_events_add(who->inst->board, &ev);
	who->recorded = true;
}

/* ---- arguments ---- */

bool tk_command_rings(const struct tk_speaker *who, unsigned argc, char *const *argv, bool all,
		      unsigned *from, unsigned *to, struct tk_reply *out)
{
	const char *words = tk_commands[who->command].words;
	int ring;

	*from = 0;
	*to = who->inst->conf->ring_count;
	if (argc < 1) {
		tk_reply_msg(out, TK_SEV_ERR, "'%s' expects a ring: #id, a name or file%s.", words,
			     all ? ", or *" : "");
		return false;
	}
	if (all && argv[0][0] == '*')
		return true;
	ring = tk_instance_ring_by_word(who->inst, argv[0]);
	if (ring == TK_NO_RING) {
		tk_reply_msg(out, TK_SEV_ERR, "'%s' unable to locate referenced filename", words);
		return false;
	}
	*from = (unsigned)ring;
	*to = *from + 1;
	return true;
}

/* ---- commands ---- */

static enum tk_event_result result_of(const struct tk_reply *out)
{
	return out->severity == TK_SEV_ERR ? TK_EVENT_FAILED : TK_EVENT_OK;
}

/* Whose secrets were read must be known later; of all rings at once one event tells, or a few such
 * commands would push everything else out. */
static void show_keys(struct tk_speaker *who, unsigned argc, char *const *argv,
		      struct tk_reply *out)
{
	unsigned from, to;

	if (argc == 0)
		tk_show_rings(who->inst, out);
	else if (tk_command_rings(who, argc, argv, true, &from, &to, out)) {
		tk_show_secrets(who->inst, from, to, out);
		tk_speaker_record(who, to - from == 1 ? from : TK_EVENT_NO_RING, NULL,
				  result_of(out));
	}
}

static void show_slots(struct tk_speaker *who, unsigned argc, char *const *argv,
		       struct tk_reply *out)
{
	unsigned from = 0, to = who->inst->conf->ring_count;

	if (argc == 0 || tk_command_rings(who, argc, argv, true, &from, &to, out))
		tk_show_slots(who->inst, from, to, out);
}

static void show_events(struct tk_speaker *who, unsigned argc, char *const *argv,
			struct tk_reply *out)
{
	unsigned long n = EVENTS_SHOWN;
	char *end;

	if (argc > 0) {
		n = strtoul(argv[0], &end, 10);
		if (argv[0][0] < '0' || argv[0][0] > '9' || *end != '\0') {
			tk_reply_msg(out, TK_SEV_ERR, "'show tls-key-events' expects how many to "
						      "show, a number from 0 on.");
			return;
		}
	}
	tk_show_events(who->inst, n < UINT_MAX ? (unsigned)n : UINT_MAX, out);
}

static void show_info(struct tk_speaker *who, unsigned argc, char *const *argv,
		      struct tk_reply *out)
{
	(void)argc, (void)argv;
	tk_show_info(who->inst, out);
}

static void show_processes(struct tk_speaker *who, unsigned argc, char *const *argv,
			   struct tk_reply *out)
{
	(void)argc, (void)argv;
	tk_show_processes(who->inst, out);
}

static void show_version(struct tk_speaker *who, unsigned argc, char *const *argv,
			 struct tk_reply *out)
{
	(void)who, (void)argc, (void)argv;
	tk_reply_addf(out, "%s\n", PACKAGE_VERSION);
}

static void clear_counters(struct tk_speaker *who, unsigned argc, char *const *argv,
			   struct tk_reply *out)
{
	(void)argc, (void)argv, (void)out;
	tk_counters_clear(who->inst->board);
}

/* ---- the dispatcher ---- */

/* help alone needs its words unsplit from the level; see tk_command_run. */
static tk_handler *const handlers[TK_CMD_COUNT] = {
	[TK_CMD_CLEAR_COUNTERS] = clear_counters,
	[TK_CMD_FLUSH] = tk_command_flush,
	[TK_CMD_OPERATOR] = tk_command_operator,
	[TK_CMD_PROMPT] = tk_command_prompt,
	[TK_CMD_QUIT] = tk_command_quit,
	[TK_CMD_RELOAD] = tk_command_reload,
	[TK_CMD_REPLACE] = tk_command_replace,
	[TK_CMD_ROTATE] = tk_command_rotate,
	[TK_CMD_SAVE] = tk_command_save,
	[TK_CMD_SET_SEVERITY] = tk_command_set_severity,
	[TK_CMD_SET_KEY] = tk_command_set_key,
	[TK_CMD_SET_TIMEOUT] = tk_command_set_timeout,
	[TK_CMD_SHOW_CLI_LEVEL] = tk_command_cli_level,
	[TK_CMD_SHOW_CLI_SOCKETS] = tk_command_cli_sockets,
	[TK_CMD_SHOW_INFO] = show_info,
	[TK_CMD_SHOW_PROCESSES] = show_processes,
	[TK_CMD_SHOW_EVENTS] = show_events,
	[TK_CMD_SHOW_SLOTS] = show_slots,
	[TK_CMD_SHOW_KEYS] = show_keys,
	[TK_CMD_SHOW_VERSION] = show_version,
	[TK_CMD_USER] = tk_command_user,
};

static bool is_event(const struct tk_command *c, unsigned argc)
{
	if (c->flags & TK_CMD_ADMIN_WITH_ARGS)
		return (c->flags & TK_CMD_EVENT) != 0 && argc > 0;
	return (c->flags & TK_CMD_EVENT) != 0;
}

static void run(struct tk_speaker *who, const struct tk_command *c, unsigned argc,
		char *const *argv, struct tk_reply *out)
{
	who->recorded = false;
	if (who->level < tk_command_level(c, argc)) {
		tk_reply_msg(out, TK_SEV_ERR, "Permission denied");
		tk_speaker_record(who, TK_EVENT_NO_RING, NULL, TK_EVENT_DENIED);
		return;
	}
	handlers[c->id](who, argc, argv, out);
	if (is_event(c, argc) && !who->recorded)
		tk_speaker_record(who, TK_EVENT_NO_RING, NULL, result_of(out));
}

void tk_command_run(struct tk_speaker *who, const struct tk_words *words, const char *payload,
		    size_t payload_len, struct tk_reply *out)
{
	unsigned first, argc;
	const struct tk_command *c = tk_command_find(words, &first, &argc);

	if (c == NULL) {
		tk_commands_unknown(out, who->level, words);
		return;
	}
	who->command = c->id;
	who->payload = c->flags & TK_CMD_PAYLOAD ? payload : NULL;
	who->payload_len = payload_len;
	if (c->id == TK_CMD_HELP)
		tk_commands_help(out, who->level, words, first);
	else
		run(who, c, argc, words->w + first, out);
}
