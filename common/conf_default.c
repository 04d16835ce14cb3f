/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_default.c - a configuration's life: how it begins, what is filled in, how it is
 * freed.  Knows no libconfig and no file.
 *
 * socket_count and ring_count count what may be freed; entries are zeroed or defaults
 * before they are counted.
 */
#include "common/conf_default.h"

#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "common/paths.h"

#define NOT_SAID (-1)
#define MEMORY_ROTATES_EVERY (12 * 3600)

const struct tk_conf_socket tk_conf_default_socket = {
	.mode = 0600,
	.uid = (uid_t)-1,
	.gid = (gid_t)-1,
	.level = TK_LEVEL_ADMIN,
};

const struct tk_conf_ring tk_conf_default_ring = {
	.slots = TK_SLOTS_DEFAULT,
	.scope = TK_SCOPE_AUTO,
	.persist = true,
	.rotate_every = NOT_SAID,
};

struct tk_conf *tk_conf_default_new(void)
{
	struct tk_conf *conf = calloc(1, sizeof(*conf));

	if (!conf)
		return NULL;
	conf->takeover = true;
	conf->control_thread = true;
	conf->max_session_age = 24 * 3600;
	conf->max_key_age = 24 * 3600;
	conf->log_target = TK_LOG_SYSLOG;
	conf->log_level = LOG_NOTICE;
	return conf;
}

static int fill_socket(struct tk_conf *conf, struct tk_error *e)
{
	if (strlen(TK_DEFAULT_SOCKET) > TK_SOCKET_PATH_MAX)
		return tk_err_set(e, TK_E_RANGE, "%s: too long for a socket; name one in 'sockets'",
				  TK_DEFAULT_SOCKET);
	free(conf->sockets);
	conf->sockets = malloc(sizeof(*conf->sockets));
	if (!conf->sockets)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	conf->sockets[0] = tk_conf_default_socket;
	conf->socket_count = 1;
	conf->sockets[0].path = strdup(TK_DEFAULT_SOCKET);
	return conf->sockets[0].path ? 0 : tk_err_set(e, TK_E_NOMEM, "out of memory");
}

bool tk_conf_default_ring_fill(struct tk_conf_ring *ring, bool persist_said)
{
	if (!ring->name && ring->file) {
		ring->name = strdup(ring->file);
		if (!ring->name)
			return false;
	}
	if (!ring->file && !persist_said)
		ring->persist = false;
	if (ring->rotate_every == NOT_SAID)
		ring->rotate_every = ring->file ? 0 : MEMORY_ROTATES_EVERY;
	return true;
}

static int fill_ring(struct tk_conf *conf, struct tk_error *e)
{
	free(conf->rings);
	conf->rings = malloc(sizeof(*conf->rings));
	if (!conf->rings)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	conf->rings[0] = tk_conf_default_ring;
	conf->ring_count = 1;
	conf->rings[0].name = strdup("default");
	if (!conf->rings[0].name || !tk_conf_default_ring_fill(&conf->rings[0], false))
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	return 0;
}

int tk_conf_default_fill(struct tk_conf *conf, struct tk_error *e)
{
	int rc = 0;

	if (!conf->socket_count)
		rc = fill_socket(conf, e);
	if (!rc && !conf->ring_count)
		rc = fill_ring(conf, e);
	return rc;
}

static void free_strings(char **strings, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		free(strings[i]);
	free(strings);
}

static void fini_ring(struct tk_conf_ring *ring)
{
	free_strings(ring->server_names, ring->server_name_count);
	free(ring->name);
	free(ring->file);
}

void tk_conf_free(struct tk_conf **conf)
{
	struct tk_conf *c = *conf;

	if (!c)
		return;
	for (unsigned i = 0; i < c->socket_count; i++)
		free(c->sockets[i].path);
	free(c->sockets);
	for (unsigned i = 0; i < c->ring_count; i++)
		fini_ring(&c->rings[i]);
	free(c->rings);
	free_strings(c->programs, c->program_count);
	free(c->log_file);
	free(c->path);
	free(c);
	*conf = NULL;
}
