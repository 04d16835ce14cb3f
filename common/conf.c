/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.c - tkprov.conf from its file: finds it, reads it, and hands it to those who know
 * its grammar (conf_tree.c) and its options (conf_options.c).
 */
#include "common/conf.h"

#include <stdlib.h>
#include <string.h>

#include "common/conf_default.h"
#include "common/conf_options.h"
#include "common/conf_tree.h"
#include "common/file.h"
#include "common/paths.h"

/* `path` NULL: the default file, which need not be there. */
static int read_conf(struct tk_conf *conf, const char *path, struct tk_error *e)
{
	struct tk_conf_reader r = {
		.path = path ? path : TK_DEFAULT_CONF, .conf = conf, .e = e
	};
	struct tk_error why;
	struct tk_file text;
	int rc;

	rc = tk_file_read(&text, r.path, &why);
	if (rc == TK_E_NOENT && !path)
		return 0;
	if (rc)
		return tk_err_set(e, rc, "%s: %s", r.path, why.text);
	conf->path = strdup(r.path);
	rc = conf->path ? tk_conf_tree_read(&r, &text, tk_conf_options_on_error,
					    tk_conf_options_read) :
			  tk_conf_no_memory(&r);
	tk_file_fini(&text);
	return rc;
}

int tk_conf_load(struct tk_conf **out, const char *path, enum tk_on_error *on_error,
		 struct tk_error *e)
{
	struct tk_conf *conf = tk_conf_default_new();
	int rc;

	*out = NULL;
	if (on_error)
		*on_error = TK_ON_ERROR_NO_TICKETS;
	if (!conf)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	rc = read_conf(conf, path, e);
	if (!rc)
		rc = tk_conf_default_fill(conf, e);
	if (on_error)
		*on_error = conf->on_error;
	if (rc)
		tk_conf_free(&conf);
	*out = conf;
	return rc;
}
