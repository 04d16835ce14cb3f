/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_load.c - owns the child process that loads an openssl.cnf, and the reading of
 * OpenSSL's errors there.  Knows nothing of what the file should say.
 *
 * OpenSSL keeps these errors to itself when a server starts: a line of the program's section
 * that fails ends the loading, and nobody hears of it.  Nobody but who asks for them, as here.
 */
#include "ctl/check_load.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 20

/* What the child has seen, in one write. */
struct seen {
	bool loaded;      /* the module is there */
	bool works;       /* TLS has what it takes */
	bool failed;      /* a line was no good; the next ones are not read then */
	bool diagnostics; /* ... and programs are told, which then do not start */
	char line[64];    /* its name; "": not known */
	char reason[160]; /* the first error that OpenSSL had */
};

/* ---- in the child ---- */

/* In the data of conf_mod.c's errors: `module=NAME` or `module=NAME, value=...`. */
static void take_line(const char *data, struct seen *out)
{
	static const char start[] = "module=";
	size_t at = sizeof(start) - 1;

	if (strncmp(data, start, at) == 0)
		snprintf(out->line, sizeof(out->line), "%.*s", (int)strcspn(data + at, ","),
			 data + at);
}

static void take_errors(struct seen *out)
{
	const char *data, *text;
	unsigned long code;
	int flags;

	while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
		bool has_data = (flags & ERR_TXT_STRING) && data && *data;

		text = ERR_reason_error_string(code);
		if (!out->reason[0] && text)
			snprintf(out->reason, sizeof(out->reason), "%s%s%s", text,
				 has_data ? ": " : "", has_data ? data : "");
		if (ERR_GET_LIB(code) == ERR_LIB_CONF && has_data)
			take_line(data, out);
		if (ERR_GET_LIB(code) == ERR_LIB_CONF &&
		    ERR_GET_REASON(code) == CONF_R_UNKNOWN_MODULE_NAME)
			snprintf(out->reason, sizeof(out->reason), "%s", text ? text : "unknown");
	}
}

/* What a server takes at its start, and the module for its tickets. */
static bool tls_works(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);

	return ctx && cipher && mac;
}

static void look(const struct tk_load *q, struct seen *out)
{
	CONF *conf = NCONF_new(NULL);
	long diagnostics = 0;

	if (!conf || NCONF_load(conf, q->file, NULL) <= 0)
		return;
	if (NCONF_get_number_e(conf, NULL, "config_diagnostics", &diagnostics))
		out->diagnostics = diagnostics != 0;
	ERR_clear_error();
	out->failed = CONF_modules_load(conf, q->program, CONF_MFLAGS_DEFAULT_SECTION) <= 0;
	out->loaded = OSSL_PROVIDER_available(NULL, q->provider);
	take_errors(out);
	out->works = tls_works();
	if (!out->failed)
		take_errors(out);
}

/* Nothing of it is heard or left behind; it ends whatever the module does. */
static void keep_quiet(void)
{
	static const struct rlimit none = {0, 0};
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)setrlimit(RLIMIT_CORE, &none);
	signal(SIGALRM, SIG_DFL);
	alarm(PATIENCE_S);
	for (int fd = 0; fd < 3 && null != -1; fd++)
		(void)dup2(null, fd);
}

static void be_child(const struct tk_load *q, int to)
{
	struct seen seen = {0};

	keep_quiet();
	look(q, &seen);
	_exit(write(to, &seen, sizeof(seen)) == sizeof(seen) ? 0 : 1);
}

/* ---- in tkctl ---- */

/* False: it did not live to tell; *status is waitpid's. */
static bool ask_child(const struct tk_load *q, struct seen *out, int *status, struct tk_findings *f)
{
	int ends[2];
	ssize_t n;
	pid_t pid;

	*status = -1;
	if (pipe2(ends, O_CLOEXEC) == -1 || (pid = fork()) == -1) {
		tk_findings_error(f, "%s: OpenSSL could not be asked: %s", q->file, strerror(errno));
		return false;
	}
	if (pid == 0)
		be_child(q, ends[1]);
	close(ends[1]);
	while ((n = read(ends[0], out, sizeof(*out))) == -1 && errno == EINTR)
		;
	close(ends[0]);
	while (waitpid(pid, status, 0) == -1 && errno == EINTR)
		;
	return n == sizeof(*out);
}

static void say_dead(const struct tk_load *q, int status, struct tk_findings *f)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		tk_findings_error(f, "%s: [%s]: OpenSSL does not come to an end with this file in %d "
				     "seconds",
				  q->file, q->section, PATIENCE_S);
	else if (WIFSIGNALED(status))
		tk_findings_error(f, "%s: [%s]: a process that loads this file dies of signal %d (%s)",
				  q->file, q->section, WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		tk_findings_error(f, "%s: [%s]: a process that loads this file ends (status %d)",
				  q->file, q->section, WEXITSTATUS(status));
}

static void say_failed(const struct tk_load *q, const struct seen *s, struct tk_findings *f)
{
	if (!s->loaded)
		tk_findings_error(f, "%s: [%s]: OpenSSL gives up at '%s' (%s), before it has loaded the "
				     "module: mend the line, or put 'providers' before it",
				  q->file, q->section, s->line, s->reason);
	else if (s->diagnostics)
		tk_findings_error(f, "%s: [%s]: OpenSSL gives up at '%s' (%s), and 'config_diagnostics' "
				     "keeps programs from starting then",
				  q->file, q->section, s->line, s->reason);
	else
		tk_findings_warning(f, "%s: [%s]: OpenSSL gives up at '%s' (%s), after it has loaded "
				       "the module; it reads nothing that follows",
				    q->file, q->section, s->line, s->reason);
}

void tk_check_load(const struct tk_load *q, struct tk_findings *f)
{
	struct seen s = {0};
	int status;

	if (!ask_child(q, &s, &status, f)) {
		if (status != -1)
			say_dead(q, status, f);
		return;
	}
	if (s.failed)
		say_failed(q, &s, f);
	else if (!s.loaded)
		tk_findings_error(f, "%s: [%s]: OpenSSL does not load '%s', and does not say why", q->file,
				  q->section, q->provider);
	if (s.loaded && !s.works)
		tk_findings_error(f, "%s: [%s]: no server starts on this configuration: the providers "
				     "that OpenSSL loads by it have not all that TLS takes (%s)",
				  q->file, q->section, s.reason);
}
