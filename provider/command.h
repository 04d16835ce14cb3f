/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - the dispatcher: the only way from words to what they do.  It finds the
 * command, authorises the speaker, and calls the handler.
 *
 * Threads: the control thread alone.
 */
#ifndef TK_COMMAND_H
#define TK_COMMAND_H

#include "core/commands.h"
#include "core/reply.h"
#include "provider/instance.h"

/* Who speaks, as the kernel says, and what its session has been set to. */
struct tk_speaker {
	struct tk_instance *inst;
	unsigned socket; /* index into conf->sockets */
	enum tk_level level;
	enum tk_sev_mode severity;
	uid_t uid;
	gid_t gid;
	pid_t pid;
	bool quit; /* the session is over; the answer is not sent */
};

/* Runs one command (words->n at least 1) and leaves the answer in *out. */
void tk_command_run(struct tk_speaker *who, const struct tk_words *words, struct tk_reply *out);

#endif
