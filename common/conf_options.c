/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_options.c - which options there are: one table a group, one setter an option.
 * Contradictions are conf_check.c's, defaults conf_default.c's, the way through the
 * file conf_tree.c's.
 */
#include "common/conf_options.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/conf_check.h"
#include "common/conf_default.h"
#include "common/conf_set.h"
#include "common/conf_value.h"
#include "core/names.h"

#define TEXT_OF(x) #x
#define NUMBER(x) TEXT_OF(x)
#define LOG_PATH_MAX 4095 /* bytes; with its NUL it is TK_PATH_MAX */
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define WANT_PATH(max) \
	"an absolute path of at most " NUMBER(max) " printable bytes that does not end in /"
#define WANT_PERIOD \
	"a number with s, m, h or d in quotes, such as \"24h\", "\
	"from \"1s\" to \"366d\""

_Static_assert(LOG_PATH_MAX + 1 == TK_PATH_MAX, "the log's path fits");

/* The line of an option is a better place than that of its group. */
static const struct tk_conf_node *place(const struct tk_conf_node *group, const char *name)
{
	const struct tk_conf_node *s = name ? tk_conf_member(group, name) : NULL;

	return s ? s : group;
}

/* ---- sockets ---- */

static int set_path(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_socket *sock = into;

	if (!tk_conf_value_path(tk_conf_text(s), TK_SOCKET_PATH_MAX))
		return TK_CONF_UNFIT;
	return tk_conf_set_string(r, s, &sock->path);
}

static int set_mode(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_socket *sock = into;

	(void)r;
	return tk_conf_value_mode(tk_conf_text(s), &sock->mode) ? TK_CONF_UNFIT : 0;
}

static int set_user(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_socket *sock = into;
	int rc = tk_conf_value_user(tk_conf_text(s), &sock->uid);

	if (rc == TK_E_NOMEM)
		return tk_conf_no_memory(r);
	return rc ? TK_CONF_UNFIT : 0;
}

static int set_group(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_socket *sock = into;
	int rc = tk_conf_value_group(tk_conf_text(s), &sock->gid);

	if (rc == TK_E_NOMEM)
		return tk_conf_no_memory(r);
	return rc ? TK_CONF_UNFIT : 0;
}

static int set_level(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_socket *sock = into;

	(void)r;
	return tk_level_parse(tk_conf_text(s), &sock->level) ? TK_CONF_UNFIT : 0;
}

static const struct tk_conf_option socket_options[] = {
	{"path", TK_CONF_STRING, set_path, WANT_PATH(TK_SOCKET_PATH_MAX)},
	{"mode", TK_CONF_STRING, set_mode, "an octal mode in quotes, such as \"0660\", up to \"0777\""},
	{"user", TK_CONF_STRING, set_user, "a user of this machine, or a number in quotes"},
	{"group", TK_CONF_STRING, set_group, "a group of this machine, or a number in quotes"},
	{"level", TK_CONF_STRING, set_level, "\"user\", \"operator\" or \"admin\""},
};

static int read_socket(struct tk_conf_reader *r, const struct tk_conf_node *group, unsigned i)
{
	struct tk_conf_socket *sock = &r->conf->sockets[i];
	struct tk_error why;
	const char *where;
	int rc;

	*sock = tk_conf_default_socket;
	rc = tk_conf_walk(r, group, socket_options, COUNT(socket_options), sock);
	if (rc)
		return rc;
	rc = tk_conf_check_socket(r->conf, i, &where, &why);
	return rc ? tk_conf_fail(r, place(group, where), rc, "%s", why.text) : 0;
}

static int set_sockets(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf *conf = into;
	unsigned len = tk_conf_length(s);

	if (len > TK_SOCKETS_MAX)
		return TK_CONF_UNFIT;
	conf->sockets = calloc(len ? len : 1, sizeof(*conf->sockets));
	if (!conf->sockets)
		return tk_conf_no_memory(r);
	return tk_conf_walk_list(r, s, &conf->socket_count, read_socket);
}

/* ---- rings ---- */

/* A leading # or * is what commands say for an id and for all rings. */
static int set_name(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_ring *ring = into;
	const char *text = tk_conf_text(s);

	if (!tk_conf_value_printable(text, TK_RING_NAME_MAX) || strchr("#*", text[0]))
		return TK_CONF_UNFIT;
	return tk_conf_set_string(r, s, &ring->name);
}

static int set_file(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_ring *ring = into;

	if (!tk_conf_value_path(tk_conf_text(s), TK_RING_NAME_MAX))
		return TK_CONF_UNFIT;
	return tk_conf_set_string(r, s, &ring->file);
}

static int set_slots(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_ring *ring = into;
	int n = tk_conf_int(s);

	(void)r;
	if (n < TK_SLOTS_MIN || n > TK_SLOTS_MAX)
		return TK_CONF_UNFIT;
	ring->slots = (unsigned)n;
	return 0;
}

static int set_scope(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	static const char *const words[] = {
		[TK_SCOPE_AUTO] = "auto",
		[TK_SCOPE_CONTEXT] = "context",
		[TK_SCOPE_SHARED] = "shared",
	};
	struct tk_conf_ring *ring = into;
	int i = tk_conf_word_index(s, words, COUNT(words));

	(void)r;
	if (i < 0)
		return TK_CONF_UNFIT;
	ring->scope = (enum tk_scope)i;
	return 0;
}

static int set_server_names(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_ring *ring = into;

	return tk_conf_set_strings(r, s, &ring->server_names, &ring->server_name_count);
}

static int set_persist(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_ring *ring = into;

	(void)r;
	return tk_conf_set_bool(s, &ring->persist);
}

static int set_rotate_every(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf_ring *ring = into;

	(void)r;
	return tk_conf_set_period(s, &ring->rotate_every);
}

static const struct tk_conf_option ring_options[] = {
	{"name", TK_CONF_STRING, set_name,
	 "1 to " NUMBER(TK_RING_NAME_MAX) " printable bytes that do not begin with # or *"},
	{"file", TK_CONF_STRING, set_file, WANT_PATH(TK_RING_NAME_MAX)},
	{"slots", TK_CONF_INT, set_slots,
	 "an integer from " NUMBER(TK_SLOTS_MIN) " to " NUMBER(TK_SLOTS_MAX)},
	{"scope", TK_CONF_STRING, set_scope, "\"auto\", \"context\" or \"shared\""},
	{"server_names", TK_CONF_ARRAY, set_server_names,
	 "an array of strings, [ \"example.org\", \"*.example.org\" ]"},
	{"persist", TK_CONF_BOOL, set_persist, "true or false"},
	{"rotate_every", TK_CONF_STRING, set_rotate_every, WANT_PERIOD},
};

static int read_ring(struct tk_conf_reader *r, const struct tk_conf_node *group, unsigned i)
{
	struct tk_conf_ring *ring = &r->conf->rings[i];
	struct tk_error why;
	const char *where;
	int rc;

	*ring = tk_conf_default_ring;
	rc = tk_conf_walk(r, group, ring_options, COUNT(ring_options), ring);
	if (rc)
		return rc;
	if (!tk_conf_default_ring_fill(ring, tk_conf_member(group, "persist") != NULL))
		return tk_conf_no_memory(r);
	rc = tk_conf_check_ring(r->conf, i, &where, &why);
	return rc ? tk_conf_fail(r, place(group, where), rc, "%s", why.text) : 0;
}

static int check_server_names(struct tk_conf_reader *r, const struct tk_conf_node *list)
{
	struct tk_names *names = tk_names_new();
	struct tk_error why;
	const char *where;
	int rc = 0;

	if (!names)
		return tk_conf_no_memory(r);
	for (unsigned i = 0; i < r->conf->ring_count && !rc; i++) {
		rc = tk_conf_check_names(r->conf, i, names, &where, &why);
		if (rc)
			tk_conf_fail(r, place(tk_conf_at(list, i), where), rc, "%s",
			     why.text);
	}
	tk_names_free(&names);
	return rc;
}

static int set_rings(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf *conf = into;
	unsigned len = tk_conf_length(s);
	int rc;

	conf->rings = calloc(len ? len : 1, sizeof(*conf->rings));
	if (!conf->rings)
		return tk_conf_no_memory(r);
	rc = tk_conf_walk_list(r, s, &conf->ring_count, read_ring);
	return rc ? rc : check_server_names(r, s);
}

/* ---- log ---- */

static int set_target(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	static const char *const words[] = {
		[TK_LOG_SYSLOG] = "syslog",
		[TK_LOG_STDERR] = "stderr",
	};
	struct tk_conf *conf = into;
	int i = tk_conf_word_index(s, words, COUNT(words));

	if (i >= 0) {
		conf->log_target = (enum tk_log_target)i;
		return 0;
	}
	if (!tk_conf_value_path(tk_conf_text(s), LOG_PATH_MAX))
		return TK_CONF_UNFIT;
	conf->log_target = TK_LOG_FILE;
	return tk_conf_set_string(r, s, &conf->log_file);
}

static int set_log_level(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	static const char *const words[] = {"error", "warning", "notice", "info", "debug"};
	static const int levels[] = {LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG};
	struct tk_conf *conf = into;
	int i = tk_conf_word_index(s, words, COUNT(words));

	(void)r;
	if (i < 0)
		return TK_CONF_UNFIT;
	conf->log_level = levels[i];
	return 0;
}

static const struct tk_conf_option log_options[] = {
	{"target", TK_CONF_STRING, set_target,
	 "\"syslog\", \"stderr\" or " WANT_PATH(LOG_PATH_MAX)},
	{"level", TK_CONF_STRING, set_log_level,
	 "\"error\", \"warning\", \"notice\", \"info\" or \"debug\""},
};

static int set_log(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	return tk_conf_walk(r, s, log_options, COUNT(log_options), into);
}

/* ---- top level ---- */

static int set_on_error(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	static const char *const words[] = {
		[TK_ON_ERROR_NO_TICKETS] = "no-tickets",
		[TK_ON_ERROR_BUILTIN] = "builtin",
		[TK_ON_ERROR_ABORT] = "abort",
	};
	struct tk_conf *conf = into;
	int i = tk_conf_word_index(s, words, COUNT(words));

	(void)r;
	if (i < 0)
		return TK_CONF_UNFIT;
	conf->on_error = (enum tk_on_error)i;
	return 0;
}

static int set_vault(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	static const char *const words[] = {
		[TK_VAULT_AUTO] = "auto",
		[TK_VAULT_SECRET] = "secret",
		[TK_VAULT_MEMFD] = "memfd",
	};
	struct tk_conf *conf = into;
	int i = tk_conf_word_index(s, words, COUNT(words));

	(void)r;
	if (i < 0)
		return TK_CONF_UNFIT;
	conf->vault = (enum tk_vault_kind)i;
	return 0;
}

static int set_takeover(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf *conf = into;

	(void)r;
	return tk_conf_set_bool(s, &conf->takeover);
}

static int set_control_thread(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf *conf = into;

	(void)r;
	return tk_conf_set_bool(s, &conf->control_thread);
}

static int set_max_session_age(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf *conf = into;

	(void)r;
	return tk_conf_set_period(s, &conf->max_session_age);
}

static int set_max_key_age(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf *conf = into;

	(void)r;
	return tk_conf_set_period(s, &conf->max_key_age);
}

static int set_max_key_age_action(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	static const char *const words[] = {"warn", "stop-issuing"};
	struct tk_conf *conf = into;
	int i = tk_conf_word_index(s, words, COUNT(words));

	(void)r;
	if (i < 0)
		return TK_CONF_UNFIT;
	conf->stop_issuing = i == 1;
	return 0;
}

static bool is_program(const char *name)
{
	return name && tk_conf_value_printable(name, TK_PATH_MAX) && !strchr(name, '/');
}

/* All or none: half of them would be another list. */
static int set_programs(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	struct tk_conf *conf = into;
	unsigned len = tk_conf_length(s);

	for (unsigned i = 0; i < len; i++)
		if (!is_program(tk_conf_text_at(s, i)))
			return TK_CONF_UNFIT;
	return tk_conf_set_strings(r, s, &conf->programs, &conf->program_count);
}

/* The cluster's settings are tkctl's. */
static int pass_over(struct tk_conf_reader *r, const struct tk_conf_node *s, void *into)
{
	(void)r, (void)s, (void)into;
	return 0;
}

/* What holds whatever else is wrong comes first. */
#define AHEAD 3
static const struct tk_conf_option top_options[] = {
	{"on_error", TK_CONF_STRING, set_on_error, "\"no-tickets\", \"builtin\" or \"abort\""},
	{"programs", TK_CONF_ARRAY, set_programs,
	 "an array of programs' names without folders, [ \"nginx\" ]"},
	{"log", TK_CONF_GROUP, set_log, "a group, { target = ...; level = ...; }"},
	{"sockets", TK_CONF_LIST, set_sockets,
	 "a list of at most " NUMBER(TK_SOCKETS_MAX) " groups, ( { path = ... } )"},
	{"rings", TK_CONF_LIST, set_rings, "a list of groups, ( { file = ... } )"},
	{"takeover", TK_CONF_BOOL, set_takeover, "true or false"},
	{"vault", TK_CONF_STRING, set_vault, "\"auto\", \"secret\" or \"memfd\""},
	{"control_thread", TK_CONF_BOOL, set_control_thread, "true or false"},
	{"max_session_age", TK_CONF_STRING, set_max_session_age, WANT_PERIOD},
	{"max_key_age", TK_CONF_STRING, set_max_key_age, WANT_PERIOD},
	{"max_key_age_action", TK_CONF_STRING, set_max_key_age_action,
	 "\"warn\" or \"stop-issuing\""},
	{"cluster", TK_CONF_GROUP, pass_over, "a group"},
};

void tk_conf_options_read_ahead(struct tk_conf_reader *r, struct tk_file *text, size_t good)
{
	tk_conf_tree_read_ahead(r, text, good, top_options, AHEAD);
}

int tk_conf_options_read(struct tk_conf_reader *r, const struct tk_conf_node *top)
{
	struct tk_error why;
	const char *where;
	int rc;

	rc = tk_conf_walk(r, top, top_options, COUNT(top_options), r->conf);
	if (!rc)
		rc = tk_conf_default_fill(r->conf, r->e); /* a default ring has a period, too */
	if (rc)
		return rc;
	rc = tk_conf_check_ages(r->conf, tk_conf_member(top, "max_key_age") != NULL, &where, &why);
	if (!rc)
		rc = tk_conf_check_paths(r->conf, &where, &why);
	return rc ? tk_conf_fail(r, place(top, where), rc, "%s", why.text) : 0;
}
