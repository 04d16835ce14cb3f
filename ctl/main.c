/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - tkctl: options, and each socket in its turn.  Owns the exit status and what
 * tkctl says in its own name; the rest is request -> client -> answer.
 *
 * No socket is open while something is printed or read: where a standard stream was
 * closed, a socket may have its number.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/paths.h"
#include "config.h"
#include "core/commands.h"
#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/cmd_check.h"
#include "ctl/cmd_gen.h"
#include "ctl/request.h"
#include "ctl/save.h"
#include "ctl/status.h"
#include "tkprov/limits.h"

struct options {
	const char *late; /* an option behind the command, NULL: none */
	char **sockets; /* each allocated */
	unsigned socket_count;
	bool no_save;   /* leave it at the server's word that it could not save */
	bool save;      /* `tkctl save`: saving is what was asked for */
};

/* Commands that no server is asked for. */
static const struct own_command {
	const char *name, *args, *help;
	enum tk_status (*run)(int argc, char **argv);
} own_commands[] = {
	{"check", "[CONF] [--openssl-conf FILE]",
	 "is everything there that the module will read, and will it be loaded?", tk_cmd_check},
	{"gen", "<file> [--keys N] [--bits 128|256]", "make a new key file", tk_cmd_gen},
};
#define OWN_COUNT (sizeof(own_commands) / sizeof(own_commands[0]))

/* ---- the sockets ---- */

static enum tk_status status_of(int rc)
{
	switch (rc) {
	case 0:
		return TK_STATUS_DONE;
	case TK_E_NOENT:
		return TK_STATUS_NO_SERVER;
	case TK_E_DENIED:
		return TK_STATUS_DENIED;
	default:
		return TK_STATUS_FAILED;
	}
}

/* What the server refuses is said with the socket in front where there are several;
 * what goes wrong on the way to it always. */
static enum tk_status ask_one(const struct options *o, const char *path,
			      const struct tk_request *request)
{
	bool several = o->socket_count > 1;
	char who[TK_PATH_MAX] = "tkctl";
	struct tk_reply answer = {0};
	struct tk_error e;
	enum tk_status status;
	int rc = tk_client_ask(path, request->line, request->len, &answer, &e);

	if (!rc && !tk_answer_whole(answer.text, answer.len, request->silent))
		rc = tk_err_set(&e, TK_E_PARSE, "the answer was cut off");
	if (rc) {
		fprintf(stderr, "tkctl: %s: %s\n", path, e.text);
		status = status_of(rc);
	} else {
		if (several)
			snprintf(who, sizeof(who), "tkctl: %s", path);
		status = tk_answer_print(answer.text, answer.len, who, stdout, stderr);
		if (!o->no_save) {
			enum tk_status rest = tk_ctl_save(path, answer.text, answer.len, o->save);

			status = rest > status ? rest : status;
		}
	}
	tk_reply_fini(&answer);
	return status;
}

/* False, with a message, where what was printed did not arrive. */
static bool flush_stdout(void)
{
	if (!ferror(stdout) && fflush(stdout) == 0)
		return true;
	fprintf(stderr, "tkctl: standard output: %s\n", strerror(errno));
	return false;
}

static enum tk_status ask_all(const struct options *o, const struct tk_request *request)
{
	enum tk_status worst = TK_STATUS_DONE;

	for (unsigned i = 0; i < o->socket_count; i++) {
		enum tk_status status;

		if (o->socket_count > 1) {
			printf("# %s\n", o->sockets[i]);
			fflush(stdout);
		}
		status = ask_one(o, o->sockets[i], request);
		worst = status > worst ? status : worst;
		if (!flush_stdout())
			return worst > TK_STATUS_FAILED ? worst : TK_STATUS_FAILED;
	}
	return worst;
}

/* ---- options ---- */

static const struct option long_options[] = {
	{"socket", required_argument, NULL, 's'},
	{"instance", required_argument, NULL, 'i'},
	{"raw", no_argument, NULL, 'r'},
	{"no-save", no_argument, NULL, 'n'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static void print_help(void)
{
	puts("usage: tkctl [-s SOCKET]... [-i INSTANCE]... [--raw] [COMMAND...]\n"
	     "\n"
	     "  -s, --socket SOCKET      a control socket; several are asked in turn\n"
	     "                           (default: " TK_DEFAULT_SOCKET ")\n"
	     "  -i, --instance INSTANCE  the socket " TK_RUN_DIR "/INSTANCE.sock\n"
	     "      --raw                print tables as the server sends them (always so far)\n"
	     "      --no-save            leave key files alone that the server could not save\n"
	     "  -h, --help               print this\n"
	     "  -V, --version            print the version\n"
	     "\n"
	     "Commands go to the server; one argument with spaces is a whole command line.\n"
	     "`-` as the key reads it from standard input.  Without a command: a short status.\n");
	for (unsigned i = 0; i < TK_CMD_COUNT; i++) {
		const struct tk_command *c = &tk_commands[i];

		printf("  %s%s%s\n      %s\n", c->words, *c->args ? " " : "", c->args, c->help);
	}
	puts("\ntkctl's own:\n  save [#id|file|*]\n      have rings saved; where the server cannot, tkctl "
	     "does it");
	for (size_t i = 0; i < OWN_COUNT; i++)
		printf("  %s %s\n      %s\n", own_commands[i].name, own_commands[i].args,
		       own_commands[i].help);
	puts("\nExit status: 0 done, 1 refused or failed, 2 usage, 3 no server, 4 denied.");
}

static int add_socket(struct options *o, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return TK_E_NOMEM;
	o->sockets[o->socket_count++] = copy;
	return 0;
}

static int add_named(struct options *o, const char *path)
{
	struct tk_error e;
	int rc = tk_client_path(path, &e);

	if (!rc)
		return add_socket(o, path);
	fprintf(stderr, "tkctl: %s\n", e.text);
	return rc;
}

static int add_instance(struct options *o, const char *name)
{
	char path[TK_PATH_MAX];

	if (tk_path_instance_socket(name, path, sizeof(path))) {
		fprintf(stderr, "tkctl: '%s' is not the name of an instance: NAME, without a "
				"slash, is the socket " TK_RUN_DIR "/NAME.sock\n",
			name);
		return TK_E_RANGE;
	}
	return add_named(o, path);
}

/* Reads one option; false where tkctl is to end with *status. */
static bool take_option(struct options *o, int c, enum tk_status *status)
{
	int rc = 0;

	*status = TK_STATUS_DONE;
	switch (c) {
	case 's':
		rc = add_named(o, optarg);
		break;
	case 'i':
		rc = add_instance(o, optarg);
		break;
	case 'r':
		break;
	case 'n':
		o->no_save = true;
		break;
	case 'h':
		print_help();
		return false;
	case 'V':
		puts("tkctl " PACKAGE_VERSION);
		return false;
	default:
		fputs("Try 'tkctl --help'.\n", stderr);
		rc = TK_E_PARSE;
	}
	if (rc)
		*status = rc == TK_E_NOMEM ? TK_STATUS_FAILED : TK_STATUS_USAGE;
	return rc == 0;
}

/* Options end where the command begins: what follows is the server's. */
static bool take_options(struct options *o, int argc, char **argv, enum tk_status *status)
{
	int c;

	o->sockets = calloc((size_t)argc + 1, sizeof(*o->sockets));
	*status = TK_STATUS_FAILED;
	if (!o->sockets)
		return false;
	while ((c = getopt_long(argc, argv, "+s:i:hV", long_options, NULL)) != -1)
		if (!take_option(o, c, status))
			return false;
	if (o->socket_count || add_socket(o, TK_DEFAULT_SOCKET) == 0)
		return true;
	*status = TK_STATUS_FAILED;
	return false;
}

static void free_options(struct options *o)
{
	for (unsigned i = 0; i < o->socket_count; i++)
		free(o->sockets[i]);
	free(o->sockets);
}

/* ---- what to do ---- */

static enum tk_status send_words(const struct options *o, int n, char **words)
{
	static struct tk_request request;
	enum tk_status status;
	struct tk_error e;
	int rc = tk_request_make(&request, n, words, &e);

	if (rc) {
		fprintf(stderr, "tkctl: %s\n", e.text);
		status = rc == TK_E_SYS ? TK_STATUS_FAILED : TK_STATUS_USAGE;
	} else {
		status = ask_all(o, &request);
	}
	tk_request_wipe(&request);
	return status;
}

/* `save [RING]` */
static enum tk_status save(struct options *o, int argc, char **argv)
{
	char all[] = "*", save_word[] = "save", ssl[] = "ssl", key[] = "tls-key";
	char *words[] = {save_word, ssl, key, argc > 1 ? argv[1] : all};

	o->save = true;
	return send_words(o, 4, words);
}

/* An option behind the command would be a word that the server passes over, and the
 * command go to another instance than was meant.  After `--` words are words. */
static const char *late_option(int argc, char **argv)
{
	for (int i = optind; i < argc && strcmp(argv[optind - 1], "--") != 0; i++)
		if (argv[i][0] == '-' && argv[i][1] != '\0')
			return argv[i];
	return NULL;
}

static enum tk_status run(struct options *o, int argc, char **argv)
{
	/* with more words it may be the server's command of that name */
	if (argc > 0 && strcmp(argv[0], "save") == 0 && argc <= 2)
		return save(o, argc, argv);
	for (size_t i = 0; i < OWN_COUNT; i++)
		if (argc > 0 && strcmp(argv[0], own_commands[i].name) == 0)
			return own_commands[i].run(argc, argv);
	if (o->late) {
		fprintf(stderr, "tkctl: '%s': options stand before the command\n", o->late);
		return TK_STATUS_USAGE;
	}
	return send_words(o, argc, argv);
}

int main(int argc, char **argv)
{
	struct options options = {0};
	enum tk_status status;

	signal(SIGPIPE, SIG_IGN);
	if (take_options(&options, argc, argv, &status)) {
		options.late = late_option(argc, argv);
		status = run(&options, argc - optind, argv + optind);
	}
	if (status == TK_STATUS_DONE && !flush_stdout())
		status = TK_STATUS_FAILED;
	free_options(&options);
	return (int)status;
}
