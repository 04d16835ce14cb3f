/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.c - tkprov.conf.  The one owner of libconfig: its types stay in this file.
 *
 * One table a group says which options there are, of which type, and what they must be;
 * walk() is the only place that goes through a group.  Everything else is one setter an
 * option.  Contradictions are conf_check.c's, defaults conf_default.c's.
 *
 * libconfig ends the process where its scanner fails to read.  In a guest that may not
 * happen: the text is read here and handed over as a string, and conf_text.c refuses
 * what would make it open files.  What is left is a process that is out of memory
 * already: 1.5 has no handler for that, and the one of later versions is global, so it
 * would be taken from the server.
 */
#include "common/conf.h"

#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/conf_check.h"
#include "common/conf_default.h"
#include "common/conf_text.h"
#include "common/conf_value.h"
#include "common/file.h"
#include "common/paths.h"
#include "core/names.h"
#include "core/near.h"

#define TEXT_OF(x) #x
#define NUMBER(x) TEXT_OF(x)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define UNFIT 1 /* from a setter: not what the table says it must be */
#define CLOSE 2 /* letters; a name so near to an unknown one is proposed */

struct reader {
	const char *path;
	struct tk_conf *conf;
	struct tk_error *e;
};

struct option {
	const char *name;
	int type; /* CONFIG_TYPE_* */
	/* Puts the value, whose type is right, into what the group is.  Returns 0, UNFIT,
	 * or an error whose message was made. */
	int (*set)(struct reader *r, const config_setting_t *s, void *into);
	const char *want; /* 'NAME' must be this */
};

/* ---- messages ---- */

__attribute__((format(printf, 4, 5)))
static int fail(struct reader *r, const config_setting_t *s, int code, const char *fmt, ...)
{
	char text[TK_ERR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return tk_err_set(r->e, code, "%s:%u: %s", r->path, config_setting_source_line(s), text);
}

static int no_memory(struct reader *r)
{
	return tk_err_set(r->e, TK_E_NOMEM, "%s: out of memory", r->path);
}

/* The line of an option is a better place than that of its group. */
static const config_setting_t *place(const config_setting_t *group, const char *name)
{
	const config_setting_t *s = name ? config_setting_get_member(group, name) : NULL;

	return s ? s : group;
}

/* ---- the way through a group ---- */

static int unknown(struct reader *r, const config_setting_t *s, const struct option *options,
		   size_t n)
{
	const char *name = config_setting_name(s), *near = NULL;
	unsigned best = CLOSE + 1;

	for (size_t i = 0; i < n; i++) {
		unsigned d = tk_near_distance(name, strlen(name), options[i].name,
					      strlen(options[i].name));

		if (d < best && d < strlen(name)) {
			best = d;
			near = options[i].name;
		}
	}
	if (near)
		return fail(r, s, TK_E_PARSE, "unknown option '%s'; did you mean '%s'?", name,
			    near);
	return fail(r, s, TK_E_PARSE, "unknown option '%s'", name);
}

static int apply(struct reader *r, const struct option *o, const config_setting_t *s, void *into)
{
	int rc = UNFIT;

	if (config_setting_type(s) == o->type)
		rc = o->set(r, s, into);
	if (rc == UNFIT)
		return fail(r, s, config_setting_type(s) == o->type ? TK_E_RANGE : TK_E_PARSE,
			    "'%s' must be %s", o->name, o->want);
	return rc;
}

static int walk(struct reader *r, const config_setting_t *group, const struct option *options,
		size_t n, void *into)
{
	int len = config_setting_length(group), rc = 0;

	for (int i = 0; i < len && !rc; i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const struct option *o = options;

		while (o < options + n && strcmp(o->name, config_setting_name(s)) != 0)
			o++;
		rc = o < options + n ? apply(r, o, s, into) : unknown(r, s, options, n);
	}
	return rc;
}

/* The groups of a list, one by one: *count goes up before each, so that what was begun
 * is freed with the rest. */
static int walk_list(struct reader *r, const config_setting_t *list, unsigned *count,
		     int (*one)(struct reader *r, const config_setting_t *group, unsigned i))
{
	int len = config_setting_length(list), rc = 0;

	for (int i = 0; i < len && !rc; i++) {
		const config_setting_t *s = config_setting_get_elem(list, (unsigned)i);

		if (!config_setting_is_group(s))
			return fail(r, s, TK_E_PARSE, "'%s' must be a list of groups, ( { ... } )",
				    config_setting_name(list));
		*count = (unsigned)i + 1;
		rc = one(r, s, (unsigned)i);
	}
	return rc;
}

/* ---- values ---- */

static int set_string(struct reader *r, const config_setting_t *s, char **out)
{
	*out = strdup(config_setting_get_string(s));
	return *out ? 0 : no_memory(r);
}

/* The index of a string among words, or -1. */
static int word_index(const config_setting_t *s, const char *const *words, size_t n)
{
	const char *text = config_setting_get_string(s);

	for (size_t i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	return -1;
}

/* ---- sockets ---- */

static int set_path(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf_socket *sock = into;

	if (!tk_conf_value_path(config_setting_get_string(s), TK_SOCKET_PATH_MAX))
		return UNFIT;
	return set_string(r, s, &sock->path);
}

static int set_mode(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf_socket *sock = into;

	(void)r;
	return tk_conf_value_mode(config_setting_get_string(s), &sock->mode) ? UNFIT : 0;
}

static int set_user(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf_socket *sock = into;
	int rc = tk_conf_value_user(config_setting_get_string(s), &sock->uid);

	if (rc == TK_E_NOMEM)
		return no_memory(r);
	return rc ? UNFIT : 0;
}

static int set_group(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf_socket *sock = into;
	int rc = tk_conf_value_group(config_setting_get_string(s), &sock->gid);

	if (rc == TK_E_NOMEM)
		return no_memory(r);
	return rc ? UNFIT : 0;
}

static int set_level(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf_socket *sock = into;

	(void)r;
	return tk_level_parse(config_setting_get_string(s), &sock->level) ? UNFIT : 0;
}

static const struct option socket_options[] = {
	{"path", CONFIG_TYPE_STRING, set_path,
	 "an absolute path of at most " NUMBER(TK_SOCKET_PATH_MAX) " bytes"},
	{"mode", CONFIG_TYPE_STRING, set_mode, "an octal mode in quotes, such as \"0660\""},
	{"user", CONFIG_TYPE_STRING, set_user, "a user of this machine, or a number in quotes"},
	{"group", CONFIG_TYPE_STRING, set_group, "a group of this machine, or a number in quotes"},
	{"level", CONFIG_TYPE_STRING, set_level, "\"user\", \"operator\" or \"admin\""},
};

static int read_socket(struct reader *r, const config_setting_t *group, unsigned i)
{
	struct tk_conf_socket *sock = &r->conf->sockets[i];
	struct tk_error why;
	const char *where;
	int rc;

	*sock = tk_conf_default_socket;
	rc = walk(r, group, socket_options, COUNT(socket_options), sock);
	if (rc)
		return rc;
	rc = tk_conf_check_socket(r->conf, i, &where, &why);
	return rc ? fail(r, place(group, where), rc, "%s", why.text) : 0;
}

static int set_sockets(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf *conf = into;
	int len = config_setting_length(s);

	if (len > TK_SOCKETS_MAX)
		return UNFIT;
	conf->sockets = calloc(len ? (size_t)len : 1, sizeof(*conf->sockets));
	if (!conf->sockets)
		return no_memory(r);
	return walk_list(r, s, &conf->socket_count, read_socket);
}

/* ---- rings ---- */

/* A leading # or * is what commands say for an id and for all rings. */
static int set_name(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf_ring *ring = into;
	const char *text = config_setting_get_string(s);

	if (!tk_conf_value_printable(text, TK_RING_NAME_MAX) || strchr("#*", text[0]))
		return UNFIT;
	return set_string(r, s, &ring->name);
}

static int set_file(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf_ring *ring = into;

	if (!tk_conf_value_path(config_setting_get_string(s), TK_RING_NAME_MAX))
		return UNFIT;
	return set_string(r, s, &ring->file);
}

static int set_slots(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf_ring *ring = into;
	int n = config_setting_get_int(s);

	(void)r;
	if (n < TK_SLOTS_MIN || n > TK_SLOTS_MAX)
		return UNFIT;
	ring->slots = (unsigned)n;
	return 0;
}

static int set_scope(struct reader *r, const config_setting_t *s, void *into)
{
	static const char *const words[] = {
		[TK_SCOPE_AUTO] = "auto",
		[TK_SCOPE_CONTEXT] = "context",
		[TK_SCOPE_SHARED] = "shared",
	};
	struct tk_conf_ring *ring = into;
	int i = word_index(s, words, COUNT(words));

	(void)r;
	if (i < 0)
		return UNFIT;
	ring->scope = (enum tk_scope)i;
	return 0;
}

static int set_server_names(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf_ring *ring = into;
	int len = config_setting_length(s);

	ring->server_names = calloc(len ? (size_t)len : 1, sizeof(*ring->server_names));
	if (!ring->server_names)
		return no_memory(r);
	for (int i = 0; i < len; i++) {
		const config_setting_t *elem = config_setting_get_elem(s, (unsigned)i);
		char **name = &ring->server_names[i];

		if (config_setting_type(elem) != CONFIG_TYPE_STRING)
			return UNFIT; /* an array has one type: this is the first */
		if (set_string(r, elem, name))
			return TK_E_NOMEM;
		ring->server_name_count++;
	}
	return 0;
}

static const struct option ring_options[] = {
	{"name", CONFIG_TYPE_STRING, set_name,
	 "1 to " NUMBER(TK_RING_NAME_MAX) " printable bytes that do not begin with # or *"},
	{"file", CONFIG_TYPE_STRING, set_file,
	 "an absolute path of at most " NUMBER(TK_RING_NAME_MAX) " printable bytes"},
	{"slots", CONFIG_TYPE_INT, set_slots,
	 "an integer from " NUMBER(TK_SLOTS_MIN) " to " NUMBER(TK_SLOTS_MAX)},
	{"scope", CONFIG_TYPE_STRING, set_scope, "\"auto\", \"context\" or \"shared\""},
	{"server_names", CONFIG_TYPE_ARRAY, set_server_names,
	 "an array of strings, [ \"example.org\", \"*.example.org\" ]"},
};

static int read_ring(struct reader *r, const config_setting_t *group, unsigned i)
{
	struct tk_conf_ring *ring = &r->conf->rings[i];
	struct tk_error why;
	const char *where;
	int rc;

	*ring = tk_conf_default_ring;
	rc = walk(r, group, ring_options, COUNT(ring_options), ring);
	if (rc)
		return rc;
	if (!ring->name && ring->file) {
		ring->name = strdup(ring->file);
		if (!ring->name)
			return no_memory(r);
	}
	rc = tk_conf_check_ring(r->conf, i, &where, &why);
	return rc ? fail(r, place(group, where), rc, "%s", why.text) : 0;
}

static int check_server_names(struct reader *r, const config_setting_t *list)
{
	struct tk_names *names = tk_names_new();
	struct tk_error why;
	const char *where;
	int rc = 0;

	if (!names)
		return no_memory(r);
	for (unsigned i = 0; i < r->conf->ring_count && !rc; i++) {
		rc = tk_conf_check_names(r->conf, i, names, &where, &why);
		if (rc)
			fail(r, place(config_setting_get_elem(list, i), where), rc, "%s",
			     why.text);
	}
	tk_names_free(&names);
	return rc;
}

static int set_rings(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf *conf = into;
	int len = config_setting_length(s), rc;

	conf->rings = calloc(len ? (size_t)len : 1, sizeof(*conf->rings));
	if (!conf->rings)
		return no_memory(r);
	rc = walk_list(r, s, &conf->ring_count, read_ring);
	return rc ? rc : check_server_names(r, s);
}

/* ---- log ---- */

static int set_target(struct reader *r, const config_setting_t *s, void *into)
{
	static const char *const words[] = {
		[TK_LOG_SYSLOG] = "syslog",
		[TK_LOG_STDERR] = "stderr",
	};
	struct tk_conf *conf = into;
	int i = word_index(s, words, COUNT(words));

	if (i >= 0) {
		conf->log_target = (enum tk_log_target)i;
		return 0;
	}
	if (!tk_conf_value_path(config_setting_get_string(s), TK_PATH_MAX - 1))
		return UNFIT;
	conf->log_target = TK_LOG_FILE;
	return set_string(r, s, &conf->log_file);
}

static int set_log_level(struct reader *r, const config_setting_t *s, void *into)
{
	static const char *const words[] = {"error", "warning", "notice", "info", "debug"};
	static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG};
	struct tk_conf *conf = into;
	int i = word_index(s, words, COUNT(words));

	(void)r;
	if (i < 0)
		return UNFIT;
	conf->log_level = levels[i];
	return 0;
}

static const struct option log_options[] = {
	{"target", CONFIG_TYPE_STRING, set_target, "\"syslog\", \"stderr\" or an absolute path"},
	{"level", CONFIG_TYPE_STRING, set_log_level,
	 "\"error\", \"warning\", \"notice\", \"info\" or \"debug\""},
};

static int set_log(struct reader *r, const config_setting_t *s, void *into)
{
	return walk(r, s, log_options, COUNT(log_options), into);
}

/* ---- top level ---- */

static int set_takeover(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf *conf = into;

	(void)r;
	conf->takeover = config_setting_get_bool(s);
	return 0;
}

static int set_control_thread(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf *conf = into;

	(void)r;
	conf->control_thread = config_setting_get_bool(s);
	return 0;
}

static int set_max_session_age(struct reader *r, const config_setting_t *s, void *into)
{
	struct tk_conf *conf = into;

	(void)r;
	if (tk_conf_value_period(config_setting_get_string(s), &conf->max_session_age))
		return UNFIT;
	return 0;
}

/* The cluster's settings are tkctl's. */
static int pass_over(struct reader *r, const config_setting_t *s, void *into)
{
	(void)r, (void)s, (void)into;
	return 0;
}

static const struct option top_options[] = {
	{"sockets", CONFIG_TYPE_LIST, set_sockets,
	 "a list of at most " NUMBER(TK_SOCKETS_MAX) " groups, ( { path = ... } )"},
	{"rings", CONFIG_TYPE_LIST, set_rings, "a list of groups, ( { file = ... } )"},
	{"takeover", CONFIG_TYPE_BOOL, set_takeover, "true or false"},
	{"control_thread", CONFIG_TYPE_BOOL, set_control_thread, "true or false"},
	{"max_session_age", CONFIG_TYPE_STRING, set_max_session_age,
	 "a number with s, m, h or d in quotes, such as \"24h\", up to \"366d\""},
	{"log", CONFIG_TYPE_GROUP, set_log, "a group, { target = ...; level = ...; }"},
	{"cluster", CONFIG_TYPE_GROUP, pass_over, "a group"},
};

/* ---- the file ---- */

/* libconfig 1.5 takes a comment that ends with the file for a syntax error. */
static void end_last_line(struct tk_file *f)
{
	if (f->len && f->text[f->len - 1] != '\n') {
		f->text[f->len++] = '\n';
		f->text[f->len] = '\0';
	}
}

static int parse(struct reader *r, struct tk_file *f)
{
	struct tk_error why;
	unsigned line;
	config_t cfg;
	int rc = tk_conf_text_check(f->text, f->len, &line, &why);

	if (rc)
		return tk_err_set(r->e, rc, "%s:%u: %s", r->path, line, why.text);
	end_last_line(f);
	config_init(&cfg);
	if (config_read_string(&cfg, f->text))
		rc = walk(r, config_root_setting(&cfg), top_options, COUNT(top_options), r->conf);
	else
		rc = tk_err_set(r->e, TK_E_PARSE, "%s:%d: %s", r->path, config_error_line(&cfg),
				config_error_text(&cfg));
	config_destroy(&cfg);
	return rc;
}

/* `path` NULL: the default file, which need not be there. */
static int read_conf(struct tk_conf *conf, const char *path, struct tk_error *e)
{
	struct reader r = {.path = path ? path : TK_DEFAULT_CONF, .conf = conf, .e = e};
	struct tk_error why;
	struct tk_file text;
	int rc;

	rc = tk_file_read(&text, r.path, &why);
	if (rc == TK_E_NOENT && !path)
		return 0;
	if (rc)
		return tk_err_set(e, rc, "%s: %s", r.path, why.text);
	conf->path = strdup(r.path);
	rc = conf->path ? parse(&r, &text) : no_memory(&r);
	tk_file_fini(&text);
	return rc;
}

int tk_conf_load(struct tk_conf **out, const char *path, struct tk_error *e)
{
	struct tk_conf *conf = tk_conf_default_new();
	int rc;

	*out = NULL;
	if (!conf)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	rc = read_conf(conf, path, e);
	if (!rc)
		rc = tk_conf_default_fill(conf, e);
	if (rc)
		tk_conf_free(&conf);
	*out = conf;
	return rc;
}
