/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_openssl.c - owns the reading of openssl.cnf: what each line of it comes to.  Loads no
 * provider and knows nothing of tkprov.conf but its name.
 *
 * Source of the rules: crypto/conf/conf_mod.c and crypto/provider_conf.c of 3.0 to 4.0.
 * OpenSSL is silent about nearly all of this when a server starts.
 */
#include "ctl/check_openssl.h"

#include <errno.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/near.h"
#include "ctl/check_include.h"
#include "ctl/check_load.h"
#include "ctl/check_module.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define OURS "tkprov"
#define CLOSE 1 /* letters; a name so near to an unknown one is proposed */
#define DEEP 16 /* sections inside each other; more only go round */

struct reading {
	const char *file;
	CONF *conf;
	struct tk_findings *f;
	const char *ours; /* what it calls the module; NULL: nothing yet */
	bool found;   /* a section of ours, whose config is known */
	char *config; /* allocated */
};

/* A line of the providers section, and the section that it names. */
struct entry {
	const char *key;     /* what the line calls it */
	const char *name;    /* the same unless `identity` says otherwise */
	const char *section;
	const STACK_OF(CONF_VALUE) *values;
	const char *module, *activate; /* NULL: not there */
	bool active;
};

/* What all entries of a providers section come to. */
struct summary {
	bool ours, active;          /* one of ours; any that is activated */
	bool default_listed, complete; /* `default`; an activated one with all of TLS */
	const char *unknown;        /* an activated one that may have all of TLS */
	const char *default_section;
};

/* ---- sections and values ---- */

static const STACK_OF(CONF_VALUE) *section(const struct reading *r, const char *name)
{
	return NCONF_get_section(r->conf, name);
}

/* `1.tkprov` is tkprov: so the same name can be there twice. */
static const char *skip_dot(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? dot + 1 : name;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static bool is_in(const char *word, const char *const words[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

/* ---- activate ---- */

/* Before 3.3 the line alone counts, whatever its value is. */
static bool value_counts(void)
{
	return OPENSSL_version_major() > 3 || OPENSSL_version_minor() >= 3;
}

static bool is_active(const struct reading *r, const struct entry *e)
{
	static const char *const yes[] = {"1", "yes", "YES", "true", "TRUE", "on", "ON"};
	static const char *const no[] = {"0", "no", "NO", "false", "FALSE", "off", "OFF"};

	if (!e->activate)
		return false;
	if (is_in(e->activate, yes, COUNT(yes)))
		return true;
	if (!is_in(e->activate, no, COUNT(no))) {
		if (value_counts())
			tk_findings_error(r->f, "%s: [%s]: 'activate = %s' is neither yes nor no: "
						"OpenSSL gives up here",
					  r->file, e->section, e->activate);
		else
			tk_findings_warning(r->f, "%s: [%s]: 'activate = %s' is neither yes nor no: "
						  "OpenSSL 3.3 and later give up here",
					    r->file, e->section, e->activate);
	} else if (!value_counts()) {
		tk_findings_warning(r->f, "%s: [%s]: 'activate = %s' still activates it before "
					  "OpenSSL 3.3",
				    r->file, e->section, e->activate);
	}
	return !value_counts();
}

/* ---- our own section ---- */

static void check_name(const struct reading *r, const struct entry *e, const char *name)
{
	static const char *const known[] = {"identity", "module", "activate", "config", "soft_load"};

	if (is_in(name, known, COUNT(known)) ||
	    (strcmp(skip_dot(name), "config") != 0 && is_in(skip_dot(name), known, COUNT(known))))
		return;
	for (size_t i = 0; i < COUNT(known); i++)
		if (tk_near_distance(name, strlen(name), known[i], strlen(known[i])) <= CLOSE) {
			tk_findings_warning(r->f, "%s: [%s]: unknown name '%s'; did you mean '%s'?",
					    r->file, e->section, name, known[i]);
			return;
		}
	tk_findings_warning(r->f, "%s: [%s]: unknown name '%s' (what the module is to do stands in "
				  "tkprov.conf)",
			    r->file, e->section, name);
}

/* OpenSSL hands every line of the section to the module, and takes a value that names a
 * section for that section: `config = default` for the top of the file. */
static void check_lines(const struct reading *r, const struct entry *e)
{
	for (int i = 0; i < sk_CONF_VALUE_num(e->values); i++) {
		const CONF_VALUE *v = sk_CONF_VALUE_value(e->values, i);

		check_name(r, e, v->name);
		if (section(r, v->value))
			tk_findings_error(r->f, "%s: [%s]: '%s = %s': this file has a section [%s], and "
						"OpenSSL takes the value for it",
					  r->file, e->section, v->name, v->value, v->value);
	}
}

/* As DSO_merge goes: what does not begin at the root is in the modules folder, and only a
 * name that comes from no `module` line gets its ending. */
static char *module_path(const struct entry *e)
{
	const char *folder = secure_getenv("OPENSSL_MODULES");
	char *path;

	if (!folder)
		folder = OPENSSL_info(OPENSSL_INFO_MODULES_DIR);
	if (e->module && e->module[0] == '/')
		return strdup(e->module);
	return asprintf(&path, "%s/%s%s", folder, e->module ? e->module : e->name,
			e->module ? "" : ".so") == -1 ? NULL : path;
}

static void check_module(const struct reading *r, const struct entry *e)
{
	char *path = module_path(e);
	struct tk_error why;

	if (!path)
		tk_findings_error(r->f, "out of memory");
	else if (tk_check_module(path, &why))
		tk_findings_error(r->f, "%s: [%s]: module '%s': %s%s", r->file, e->section, path,
				  why.text,
				  why.code == TK_E_NOENT && !e->module ?
					  " (say where it is with a line 'module = PATH')" :
					  "");
	free(path);
}

static const char *find_config(const struct entry *e)
{
	const char *config = NULL;

	for (int i = 0; i < sk_CONF_VALUE_num(e->values); i++) {
		const CONF_VALUE *v = sk_CONF_VALUE_value(e->values, i);

		if (strcmp(v->name, "config") == 0)
			config = v->value;
	}
	return config;
}

/* What the module is told once, the first time, holds for the process. */
static void take_config(struct reading *r, const struct entry *e)
{
	const char *config = find_config(e);

	if (config && access(config, F_OK) == -1) {
		tk_findings_error(r->f, "%s: [%s]: 'config = %s': %s", r->file, e->section, config,
				  strerror(errno));
		return;
	}
	if (config && config[0] != '/')
		tk_findings_warning(r->f, "%s: [%s]: 'config = %s' depends on the folder in which the "
					  "server is started",
				    r->file, e->section, config);
	if (r->found)
		return;
	r->config = config ? strdup(config) : NULL;
	r->found = !config || r->config;
}

static bool is_ours(const struct entry *e)
{
	return strcmp(e->key, OURS) == 0 || strcmp(e->name, OURS) == 0 ||
	       (e->module && strcmp(base_name(e->module), OURS ".so") == 0);
}

static void check_ours(struct reading *r, const struct entry *e)
{
	if (!e->activate || (!e->active && value_counts()))
		tk_findings_error(r->f, "%s: [%s]: no 'activate = 1': the module is not loaded", r->file,
				  e->section);
	if (!r->ours)
		r->ours = e->name;
	check_lines(r, e);
	check_module(r, e);
	take_config(r, e);
}

/* ---- other providers' sections ---- */

/* Does the way through values that are sections go on for ever? */
static bool goes_round(const struct reading *r, const char *name, unsigned depth)
{
	const STACK_OF(CONF_VALUE) *values = section(r, name);

	if (!values || depth == DEEP)
		return values != NULL;
	for (int i = 0; i < sk_CONF_VALUE_num(values); i++)
		if (goes_round(r, sk_CONF_VALUE_value(values, i)->value, depth + 1))
			return true;
	return false;
}

/* Sections inside sections are parameters of parameters, and fine; but `identity = default`
 * is the top of the file, from where it goes round. */
static void check_round(const struct reading *r, const struct entry *e)
{
	for (int i = 0; i < sk_CONF_VALUE_num(e->values); i++) {
		const CONF_VALUE *v = sk_CONF_VALUE_value(e->values, i);

		if (goes_round(r, v->value, 1))
			tk_findings_error(r->f, "%s: [%s]: '%s = %s': OpenSSL takes the value for the "
						"section [%s], which goes round, and gives up",
					  r->file, e->section, v->name, v->value, v->value);
	}
}

/* Those of libcrypto itself have no file, and `legacy` need not have one. */
static bool has_file(const struct reading *r, const struct entry *e)
{
	static const char *const builtin[] = {"default", "base", "null", "legacy"};
	char *path = is_in(e->name, builtin, COUNT(builtin)) ? NULL : module_path(e);
	bool there = !path || access(path, R_OK) == 0;

	if (!there)
		tk_findings_warning(r->f, "%s: [%s]: module '%s': %s: '%s' is not loaded",
				    r->file, e->section, path, strerror(errno), e->name);
	free(path);
	return there;
}

/* ---- the providers section ---- */

static bool read_entry(const struct reading *r, const char *where, const CONF_VALUE *line,
		       struct entry *out)
{
	const char *key = skip_dot(line->name);

	*out = (struct entry){.key = key, .name = key, .section = line->value};
	out->values = section(r, line->value);
	if (!out->values) {
		tk_findings_error(r->f, "%s: [%s]: '%s = %s': there is no section [%s], and OpenSSL "
					"gives up here",
				  r->file, where, line->name, line->value, line->value);
		return false;
	}
	for (int i = 0; i < sk_CONF_VALUE_num(out->values); i++) {
		const CONF_VALUE *v = sk_CONF_VALUE_value(out->values, i);
		const char *name = skip_dot(v->name);

		if (strcmp(name, "identity") == 0)
			out->name = v->value;
		else if (strcmp(name, "module") == 0)
			out->module = v->value;
		else if (strcmp(name, "activate") == 0)
			out->activate = v->value;
	}
	out->active = is_active(r, out);
	return true;
}

static void sum_up(const struct reading *r, struct summary *s, const struct entry *e)
{
	static const char *const incomplete[] = {OURS, "base", "legacy", "null"};

	if (strcmp(e->name, "default") == 0) {
		s->default_listed = true;
		s->default_section = e->section;
	}
	if (is_ours(e)) {
		s->ours = true;
	} else if (e->active && has_file(r, e)) {
		if (strcmp(e->name, "default") == 0 || strcmp(e->name, "fips") == 0)
			s->complete = true;
		else if (!is_in(e->name, incomplete, COUNT(incomplete)))
			s->unknown = e->name;
	}
	s->active = s->active || e->active;
}

/* Any provider that is activated ends the automatic default one. */
static void check_default(const struct reading *r, const char *where, const struct summary *s)
{
	const char *in = s->default_listed ? s->default_section : where;
	const char *what = s->default_listed ? "no 'activate = 1' for the default provider" :
					       "no 'default'";

	if (s->complete || (!s->ours && !s->active))
		return;
	if (s->unknown)
		tk_findings_warning(r->f, "%s: [%s]: %s: unless '%s' has all that TLS takes, no server "
					  "starts on this configuration",
				    r->file, in, what, s->unknown);
	else
		tk_findings_error(r->f, "%s: [%s]: %s: once another provider is activated, no server "
					"starts on this configuration",
				  r->file, in, what);
}

static void check_providers(struct reading *r, const char *name)
{
	const STACK_OF(CONF_VALUE) *lines = section(r, name);
	struct summary s = {0};
	struct entry e;

	for (int i = 0; i < sk_CONF_VALUE_num(lines); i++) {
		if (!read_entry(r, name, sk_CONF_VALUE_value(lines, i), &e))
			continue;
		sum_up(r, &s, &e);
		if (is_ours(&e))
			check_ours(r, &e);
		else
			check_round(r, &e);
	}
	if (!s.ours)
		tk_findings_error(r->f, "%s: [%s]: no 'tkprov': the module is not loaded", r->file, name);
	check_default(r, name, &s);
}

/* ---- from the top to there ---- */

/* `providers` may have an ending, like every module's name: `providers.2`. */
static bool is_providers(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t len = dot ? (size_t)(dot - name) : strlen(name);

	/* OpenSSL compares as far as the name in the file goes. */
	return len > 0 && strncmp(name, "providers", len) == 0;
}

static void check_program(struct reading *r, const char *variable, const char *name)
{
	const STACK_OF(CONF_VALUE) *lines = section(r, name);
	bool any = false;

	if (!lines) {
		tk_findings_error(r->f, "%s: '%s = %s': there is no section [%s]", r->file, variable,
				  name, name);
		return;
	}
	for (int i = 0; i < sk_CONF_VALUE_num(lines); i++) {
		const CONF_VALUE *v = sk_CONF_VALUE_value(lines, i);

		if (!is_providers(v->name))
			continue;
		any = true;
		if (section(r, v->value))
			check_providers(r, v->value);
		else
			tk_findings_error(r->f, "%s: [%s]: '%s = %s': there is no section [%s]",
					  r->file, name, v->name, v->value, v->value);
	}
	if (!any)
		tk_findings_error(r->f, "%s: [%s]: no 'providers': OpenSSL loads no module", r->file,
				  name);
	if (r->ours && !r->f->errors)
		tk_check_load(&(struct tk_load){r->file, variable, name, r->ours}, r->f);
}

static void check_top(struct reading *r)
{
	static const struct {
		const char *variable, *program;
	} own[] = {{"nginx", "nginx (1.25.2 and later)"}, {"nodejs_conf", "Node.js"}};
	const char *common = NCONF_get_string(r->conf, NULL, "openssl_conf");
	bool any = common != NULL;

	if (common)
		check_program(r, "openssl_conf", common);
	for (size_t i = 0; i < COUNT(own); i++) {
		const char *name = NCONF_get_string(r->conf, NULL, own[i].variable);

		if (!name || (common && strcmp(name, common) == 0))
			continue;
		any = true;
		tk_findings_warning(r->f, "%s: only %s reads '%s = %s'%s", r->file, own[i].program,
				    own[i].variable, name,
				    common ? ", and that instead of 'openssl_conf'" :
					     "; there is no 'openssl_conf' for other programs");
		if (!common)
			check_program(r, own[i].variable, name);
	}
	if (!any)
		tk_findings_error(r->f, "%s: no 'openssl_conf' at the top, before all sections: OpenSSL "
					"reads nothing else (nginx, from 1.25.2, looks for 'nginx' "
					"first, Node.js for 'nodejs_conf')",
				  r->file);
}

static bool is_readable(const char *file, struct tk_findings *f)
{
	struct stat st;

	if (stat(file, &st) == -1 || access(file, R_OK) == -1)
		tk_findings_error(f, "%s: %s", file, strerror(errno));
	else if (!S_ISREG(st.st_mode))
		tk_findings_error(f, "%s: not a regular file", file);
	else
		return true;
	return false;
}

bool tk_check_openssl(const char *file, char **config, struct tk_findings *f)
{
	struct reading r = {.file = file, .f = f};

	*config = NULL;
	if (!is_readable(file, f))
		return false;
	/* Or libcrypto might act on the openssl.cnf of this process, and load what that says. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	r.conf = NCONF_new(NULL);
	ERR_clear_error();
	if (r.conf && NCONF_load(r.conf, file, NULL) > 0) {
		tk_check_include(file, f);
		check_top(&r);
	} else {
		tk_check_include_unread(file, f);
	}
	NCONF_free(r.conf);
	ERR_clear_error();
	*config = r.config;
	return r.found;
}
