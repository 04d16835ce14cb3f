/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.c - tkprov.conf from its file: finds it, reads it, and hands it to those who know
 * its grammar (conf_tree.c) and its options (conf_options.c).
 */
#include "common/conf.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf_check.h"
#include "common/conf_default.h"
#include "common/conf_options.h"
#include "common/conf_tree.h"
#include "common/file.h"
#include "common/paths.h"

/* What the text says all the same, for those who have to deal with its mistake.  They are not to
 * write of it where `known`, what was read of it, has something else. */
static struct tk_conf *read_ahead(const struct tk_conf *known, const char *path,
				  struct tk_file *text, size_t good)
{
	struct tk_error passed_over;
	struct tk_conf_reader r = {
		.path = path, .conf = tk_conf_default_new(), .e = &passed_over, .ahead = true
	};

	if (r.conf && text->text)
		tk_conf_options_read_ahead(&r, text, good);
	if (r.conf && r.conf->log_target == TK_LOG_FILE &&
	    tk_conf_check_log(known, r.conf->log_file, &passed_over))
		r.conf->log_target = TK_LOG_SYSLOG;
	return r.conf;
}

static int read_conf(struct tk_conf_reader *r, struct tk_file *text)
{
	r->conf->path = strdup(r->path);
	return r->conf->path ? tk_conf_tree_read(r, text, tk_conf_options_read) :
			       tk_conf_no_memory(r);
}

/* The default file need not be there. */
static int find_conf(struct tk_conf_reader *r, struct tk_file *text, bool named)
{
	struct tk_error why;
	int rc = tk_file_read(text, r->path, &why);

	if (rc == TK_E_NOENT && !named)
		return tk_conf_default_fill(r->conf, r->e);
	if (rc)
		return tk_err_set(r->e, rc, "%s: %s", r->path, why.text);
	return read_conf(r, text);
}

int tk_conf_load(struct tk_conf **out, const char *path, struct tk_conf **ahead,
		 struct tk_error *e)
{
	struct tk_conf_reader r = {
		.path = path ? path : TK_DEFAULT_CONF, .conf = tk_conf_default_new(), .e = e
	};
	struct tk_file text = {0};
	int rc;

	*out = NULL;
	if (ahead)
		*ahead = NULL;
	if (!r.conf)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	rc = find_conf(&r, &text, path != NULL);
	if (rc && ahead)
		*ahead = read_ahead(r.conf, r.path, &text, r.good);
	if (rc)
		tk_conf_free(&r.conf);
	tk_file_fini(&text);
	*out = r.conf;
	return rc;
}
