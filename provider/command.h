/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the dispatcher: the only way from words to what they do.  It finds the
 * command, authorises the speaker, and calls the handler.
 *
 * Threads: the control thread alone.
 */
#ifndef TK_COMMAND_H
#define TK_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "core/commands.h"
#include "core/reply.h"
#include "provider/events.h"
#include "provider/instance.h"

#define TK_SPEAKER_TIMEOUT_MS 10000 /* HAProxy's default */

/* Who speaks, as the kernel says, and what its session has been set to. */
struct tk_speaker {
	struct tk_instance *inst;
	unsigned socket; /* index into conf->sockets */
	enum tk_level level;
	enum tk_sev_mode severity;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	char program[TK_PROGRAM_LEN];
	bool quit; /* the session is over; the answer is not sent */
	bool interactive, prompt; /* it stays open; and says `> ` when it waits */
	int64_t timeout;          /* ms that it may be silent */
	/* of the command that is being run */
	unsigned command;    /* enum tk_command_id */
	const char *payload; /* NULL: none */
	size_t payload_len;
	bool recorded;       /* there is an event of it */
};

/* Fills in who it is, from the kernel.  0, TK_E_SYS, or TK_E_DENIED: not a Unix socket. */
int tk_speaker_init(struct tk_speaker *who, struct tk_instance *inst, unsigned socket, int fd);

/* Writes an event: the command did that to the ring (TK_EVENT_NO_RING), whose newest key
 * is called `name` now (NULL: none). */
void tk_speaker_record(struct tk_speaker *who, unsigned ring, const uint8_t *name,
		       enum tk_event_result result);

/* Runs one command (words->n at least 1) and leaves the answer in *out.  payload: the lines
 * after `<<`, or NULL. */
void tk_command_run(struct tk_speaker *who, const struct tk_words *words,
		    const char *payload, size_t payload_len, struct tk_reply *out);

/* Handlers that change keys: command_keys.c. */
typedef void tk_handler(struct tk_speaker *who, unsigned argc, char *const *argv,
			struct tk_reply *out);
tk_handler tk_command_set_key, tk_command_rotate, tk_command_flush, tk_command_reload,
	tk_command_replace, tk_command_save;

/* Handlers about the session itself: command_cli.c. */
tk_handler tk_command_operator, tk_command_user, tk_command_cli_level, tk_command_cli_sockets,
	tk_command_set_severity, tk_command_set_timeout, tk_command_prompt, tk_command_quit;

/* The ring that argv[0] names, or all of them for `*` where that is allowed: *from up to *to.
 * False, with an answer, if there is none. */
bool tk_command_rings(const struct tk_speaker *who, unsigned argc, char *const *argv, bool all,
		      unsigned *from, unsigned *to, struct tk_reply *out);

#endif
