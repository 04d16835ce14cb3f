/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_check.c - owns the order of the checks and the last line.  What is wrong is found,
 * and said, in check_openssl and check_conf.
 */
#include "ctl/cmd_check.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/paths.h"
#include "ctl/check_conf.h"
#include "ctl/check_openssl.h"

struct question {
	const char *conf, *openssl_conf; /* NULL: not said */
};

static void print_usage(FILE *to)
{
	fputs("usage: tkctl check [CONF] [--openssl-conf FILE]\n"
	      "\n"
	      "  CONF                     a tkprov.conf (default: what FILE names, else\n"
	      "                           " TK_DEFAULT_CONF ")\n"
	      "      --openssl-conf FILE  an openssl.cnf: does it load the module, and does\n"
	      "                           a server start on it?\n"
	      "\n"
	      "Exit status: 0 good (also with warnings), 1 errors, 2 usage.\n",
	      to);
}

static const struct option long_options[] = {
	{"openssl-conf", required_argument, NULL, 'o'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

/* False where tkctl is to end with *status. */
static bool take_options(struct question *q, int argc, char **argv, enum tk_status *status)
{
	int c;

	*status = TK_STATUS_USAGE;
	argv[0] = (char *)"tkctl check"; /* in getopt's messages */
	optind = 0;                      /* glibc: begin anew */
	while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (c == 'h') {
			print_usage(stdout);
			*status = TK_STATUS_DONE;
			return false;
		}
		if (c != 'o') {
			print_usage(stderr);
			return false;
		}
		q->openssl_conf = optarg;
	}
	if (argc - optind > 1) {
		print_usage(stderr);
		return false;
	}
	q->conf = argv[optind]; /* NULL behind the last */
	return true;
}

static void print_sockets(const struct tk_conf *conf)
{
	if (!conf->control_thread) {
		printf("no socket (control_thread = false)");
		return;
	}
	printf("socket%s", conf->socket_count == 1 ? "" : "s");
	for (unsigned i = 0; i < conf->socket_count; i++)
		printf("%s %s", i ? "," : "", conf->sockets[i].path);
}

static void print_good(const struct tk_conf *conf)
{
	if (conf->path)
		printf("%s: ", conf->path);
	else
		printf("built-in settings (there is no " TK_DEFAULT_CONF "): ");
	printf("%u ring%s, ", conf->ring_count, conf->ring_count == 1 ? "" : "s");
	print_sockets(conf);
	puts(": good");
}

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return strcmp(a, b) == 0 || (stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
				     x.st_ino == y.st_ino);
}

static void check(const struct question *q, struct tk_findings *f)
{
	struct tk_conf *conf = NULL;
	char *named = NULL;
	bool known = true;

	if (q->openssl_conf)
		known = tk_check_openssl(q->openssl_conf, &named, f);
	if (q->conf && named && !same_file(q->conf, named))
		tk_findings_warning(f, "%s: the module reads %s, not %s", q->openssl_conf, named,
				    q->conf);
	if (q->conf || known)
		conf = tk_check_conf(q->conf ? q->conf : named, f);
	if (conf && !f->errors)
		print_good(conf);
	tk_conf_free(&conf);
	free(named);
}

enum tk_status tk_cmd_check(int argc, char **argv)
{
	struct tk_findings findings = {0};
	struct question q = {0};
	enum tk_status status;

	if (!take_options(&q, argc, argv, &status))
		return status;
	check(&q, &findings);
	return findings.errors ? TK_STATUS_FAILED : TK_STATUS_DONE;
}
