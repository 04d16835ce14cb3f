/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_tree.c - owns what libconfig makes of a text: its types stay in this file.  Knows no
 * option.  Its functions are opened by conf_lib.c.
 *
 * libconfig ends the process where its scanner fails to read.  In a guest that may not
 * happen: the text is read here and handed over as a string, and conf_text.c refuses
 * what would make it open files.  What is left is a process that is out of memory
 * already: 1.5 has no handler for that, and the one of later versions is global, so it
 * would be taken from the server.
 */
#include "common/conf_tree.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/conf_lib.h"
#include "common/conf_text.h"
#include "core/near.h"

#define SHOWN 20 /* bytes of a wrong string: of a key in a wrong place, not more than its name */

static struct tk_conf_lib lib; /* filled before a text is parsed */

/* A node is a config_setting_t under a name of ours. */
static const config_setting_t *in(const struct tk_conf_node *n)
{
	return (const config_setting_t *)n;
}

static const struct tk_conf_node *out(const config_setting_t *s)
{
	return (const struct tk_conf_node *)s;
}

/* ---- messages ---- */

int tk_conf_fail(struct tk_conf_reader *r, const struct tk_conf_node *n, int code, const char *fmt,
		 ...)
{
	char text[TK_ERR_TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return tk_err_set(r->e, code, "%s:%u: %s", r->path, config_setting_source_line(in(n)), text);
}

int tk_conf_no_memory(struct tk_conf_reader *r)
{
	return tk_err_set(r->e, TK_E_NOMEM, "%s: out of memory", r->path);
}

/* ---- values ---- */

const char *tk_conf_text(const struct tk_conf_node *n)
{
	return lib.config_setting_get_string(in(n));
}

int tk_conf_int(const struct tk_conf_node *n)
{
	return lib.config_setting_get_int(in(n));
}

bool tk_conf_bool(const struct tk_conf_node *n)
{
	return lib.config_setting_get_bool(in(n)) != 0;
}

unsigned tk_conf_length(const struct tk_conf_node *n)
{
	return (unsigned)lib.config_setting_length(in(n));
}

const struct tk_conf_node *tk_conf_at(const struct tk_conf_node *list, unsigned i)
{
	return out(lib.config_setting_get_elem(in(list), i));
}

const char *tk_conf_text_at(const struct tk_conf_node *array, unsigned i)
{
	return lib.config_setting_get_string_elem(in(array), (int)i);
}

const struct tk_conf_node *tk_conf_member(const struct tk_conf_node *group, const char *name)
{
	return out(lib.config_setting_get_member(in(group), name));
}

static bool has_type(const struct tk_conf_node *n, enum tk_conf_type type)
{
	static const int types[] = {
		[TK_CONF_STRING] = CONFIG_TYPE_STRING, [TK_CONF_INT] = CONFIG_TYPE_INT,
		[TK_CONF_BOOL] = CONFIG_TYPE_BOOL,     [TK_CONF_ARRAY] = CONFIG_TYPE_ARRAY,
		[TK_CONF_LIST] = CONFIG_TYPE_LIST,     [TK_CONF_GROUP] = CONFIG_TYPE_GROUP,
	};

	return config_setting_type(in(n)) == types[type];
}

/* ---- the way through a group ---- */

/* The nearest name, or NULL. */
static const char *meant(const char *name, const struct tk_conf_option *options, size_t count)
{
	size_t len = strlen(name);
	const char *near = NULL;
	unsigned best = UINT_MAX;

	for (size_t i = 0; i < count; i++) {
		size_t other = strlen(options[i].name);
		unsigned d = tk_near_distance(name, len, options[i].name, other);

		if (d < best && d < len && d <= tk_near_allowed(len < other ? len : other)) {
			best = d;
			near = options[i].name;
		}
	}
	return near;
}

static int unknown(struct tk_conf_reader *r, const struct tk_conf_node *n,
		   const struct tk_conf_option *options, size_t count)
{
	const char *name = config_setting_name(in(n)), *near = meant(name, options, count);

	if (near)
		return tk_conf_fail(r, n, TK_E_PARSE, "unknown option '%s'; did you mean '%s'?",
				    name, near);
	return tk_conf_fail(r, n, TK_E_PARSE, "unknown option '%s'", name);
}

/* A string as it can stand in a line. */
static void show_string(const char *text, char *out, size_t len)
{
	bool cut = strlen(text) > SHOWN;

	snprintf(out, len, "\"%.*s%s\"", SHOWN, text, cut ? "..." : "");
	for (char *p = out; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}

/* The value, or what it is. */
static void show(const struct tk_conf_node *n, char *out, size_t len)
{
	switch (config_setting_type(in(n))) {
	case CONFIG_TYPE_STRING:
		show_string(tk_conf_text(n), out, len);
		return;
	case CONFIG_TYPE_BOOL:
		snprintf(out, len, "%s", tk_conf_bool(n) ? "true" : "false");
		return;
	case CONFIG_TYPE_INT:
		snprintf(out, len, "%d", tk_conf_int(n));
		return;
	case CONFIG_TYPE_INT64:
		snprintf(out, len, "%lldL", lib.config_setting_get_int64(in(n)));
		return;
	case CONFIG_TYPE_FLOAT:
		snprintf(out, len, "the float %g", lib.config_setting_get_float(in(n)));
		return;
	case CONFIG_TYPE_ARRAY:
		snprintf(out, len, "an array");
		return;
	case CONFIG_TYPE_LIST:
		snprintf(out, len, "a list");
		return;
	default:
		snprintf(out, len, "a group");
	}
}

static int misfit(struct tk_conf_reader *r, const struct tk_conf_option *o,
		  const struct tk_conf_node *n, bool typed)
{
	char is[SHOWN + sizeof("\"...\"")];

	if (typed && config_setting_is_aggregate(in(n))) /* something in it is wrong */
		return tk_conf_fail(r, n, TK_E_RANGE, "'%s' must be %s", o->name, o->want);
	show(n, is, sizeof(is));
	return tk_conf_fail(r, n, typed ? TK_E_RANGE : TK_E_PARSE, "'%s' must be %s, not %s",
			    o->name, o->want, is);
}

static int apply(struct tk_conf_reader *r, const struct tk_conf_option *o,
		 const struct tk_conf_node *n, void *into)
{
	bool typed = has_type(n, o->type);
	int rc = typed ? o->set(r, n, into) : TK_CONF_UNFIT;

	return rc == TK_CONF_UNFIT ? misfit(r, o, n, typed) : rc;
}

int tk_conf_walk(struct tk_conf_reader *r, const struct tk_conf_node *group,
		 const struct tk_conf_option *options, size_t n, void *into)
{
	unsigned len = tk_conf_length(group);
	int rc = 0;

	for (unsigned i = 0; i < len && !rc; i++) {
		const struct tk_conf_node *s = tk_conf_at(group, i);
		const struct tk_conf_option *o = options;

		while (o < options + n && strcmp(o->name, config_setting_name(in(s))) != 0)
			o++;
		rc = o < options + n ? apply(r, o, s, into) : unknown(r, s, options, n);
		if (r->ahead)
			rc = 0;
	}
	return rc;
}

int tk_conf_walk_list(struct tk_conf_reader *r, const struct tk_conf_node *list, unsigned *count,
		      int (*one)(struct tk_conf_reader *r, const struct tk_conf_node *group,
				 unsigned i))
{
	unsigned len = tk_conf_length(list);
	int rc = 0;

	for (unsigned i = 0; i < len && !rc; i++) {
		const struct tk_conf_node *s = tk_conf_at(list, i);

		if (!has_type(s, TK_CONF_GROUP))
			return tk_conf_fail(r, s, TK_E_PARSE,
					    "'%s' must be a list of groups, ( { ... } )",
					    config_setting_name(in(list)));
		*count = i + 1;
		rc = one(r, s, i);
	}
	return rc;
}

/* ---- the text ---- */

/* libconfig 1.5 takes a comment that ends with the file for a syntax error. */
static void end_last_line(struct tk_file *f)
{
	if (f->len && f->text[f->len - 1] != '\n') {
		f->text[f->len++] = '\n';
		f->text[f->len] = '\0';
	}
}

static bool parse(config_t *cfg, const char *text)
{
	lib.config_init(cfg);
	return lib.config_read_string(cfg, text) == CONFIG_TRUE;
}

static bool is_doubled(const config_t *cfg)
{
	const char *what = config_error_text(cfg);

	return what && strcmp(what, "duplicate setting name") == 0;
}

/* Is one of the names in text[0..len) there twice? */
static bool has_doubled(char *text, size_t len)
{
	char next = text[len];
	config_t cfg;
	bool yes;

	text[len] = '\0';
	yes = !parse(&cfg, text) && is_doubled(&cfg);
	lib.config_destroy(&cfg);
	text[len] = next;
	return yes;
}

/* The name that libconfig does not tell: the shortest beginning of the text that it refuses for
 * a doubled name ends with it. */
static int doubled(struct tk_conf_reader *r, struct tk_file *f, int line)
{
	size_t from = 0, to = f->len;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (has_doubled(f->text, mid + tk_conf_text_name(f->text + mid)))
			to = mid;
		else
			from = mid + 1;
	}
	return tk_err_set(r->e, TK_E_PARSE, "%s:%d: duplicate setting name '%.*s'", r->path, line,
			  (int)tk_conf_text_name(f->text + from), f->text + from);
}

static int read_tree(struct tk_conf_reader *r, struct tk_file *text,
		     int (*fn)(struct tk_conf_reader *r, const struct tk_conf_node *top))
{
	config_t cfg;
	int rc;

	if (parse(&cfg, text->text))
		rc = fn(r, out(config_root_setting(&cfg)));
	else if (is_doubled(&cfg))
		rc = doubled(r, text, config_error_line(&cfg));
	else
		rc = tk_err_set(r->e, TK_E_PARSE, "%s:%d: %s", r->path, config_error_line(&cfg),
				config_error_text(&cfg));
	lib.config_destroy(&cfg);
	return rc;
}

int tk_conf_tree_read(struct tk_conf_reader *r, struct tk_file *text,
		      int (*fn)(struct tk_conf_reader *r, const struct tk_conf_node *top))
{
	struct tk_conf_fault fault;
	struct tk_error why;
	unsigned line;
	int rc = tk_conf_text_check(text->text, text->len, &fault, &why);

	r->good = fault.at;
	if (rc)
		return tk_err_set(r->e, rc, "%s:%u: %s", r->path, fault.line, why.text);
	line = tk_conf_text_large_number(text->text);
	if (line)
		return tk_err_set(r->e, TK_E_RANGE, "%s:%u: the number is too large", r->path, line);
	rc = tk_conf_lib_open(&lib, &why);
	if (rc)
		return tk_err_set(r->e, rc, "%s: %s", r->path, why.text);
	end_last_line(text);
	r->good = text->len;
	return read_tree(r, text, fn);
}

/* A setting that was cut out can begin with what was no @include where it stood. */
static bool parse_setting(config_t *cfg, const char *text)
{
	struct tk_conf_fault fault;
	struct tk_error why;

	lib.config_init(cfg);
	return tk_conf_text_check(text, strlen(text), &fault, &why) == 0 &&
	       lib.config_read_string(cfg, text) == CONFIG_TRUE;
}

/* Is the text the option, good or bad?  libconfig leaves in its tree what was half read: a list
 * of programs without its end would be another list. */
static bool read_setting(struct tk_conf_reader *r, const char *text, const struct tk_conf_option *o)
{
	const struct tk_conf_node *n = NULL;
	config_t cfg;

	if (!strstr(text, o->name))
		return false;
	if (parse_setting(&cfg, text))
		n = tk_conf_member(out(config_root_setting(&cfg)), o->name);
	if (n)
		(void)apply(r, o, n, r->conf);
	lib.config_destroy(&cfg);
	return n != NULL;
}

static void read_first(struct tk_conf_reader *r, char *text, size_t len,
		       const struct tk_conf_option *o)
{
	bool found = false;
	size_t n;

	for (; len && !found; text += n, len -= n) {
		char next;

		n = tk_conf_text_setting(text, len);
		if (!n)
			return;
		next = text[n];
		text[n] = '\0';
		found = read_setting(r, text, o);
		text[n] = next;
	}
}

void tk_conf_tree_read_ahead(struct tk_conf_reader *r, struct tk_file *text, size_t good,
			     const struct tk_conf_option *options, size_t n)
{
	struct tk_error why;

	if (tk_conf_lib_open(&lib, &why))
		return;
	for (size_t i = 0; i < n; i++)
		read_first(r, text->text, good, &options[i]);
}
