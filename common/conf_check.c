/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf_check.c - what each setting for itself cannot show: the same path, file or name
 * twice, and two rings for one server name.  Knows neither libconfig nor lines.
 */
#include "common/conf_check.h"

#include <stdio.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* At a slash: to the last of those that mean the same, /// and /./ */
static const char *skip_slashes(const char *p)
{
	while (p[0] == '/' && (p[1] == '/' || (p[1] == '.' && (p[2] == '/' || !p[2]))))
		p += p[1] == '/' ? 1 : 2;
	return p;
}

/* Two spellings of one path?  Links are not looked at, and `..` may stand behind one. */
static bool same_path(const char *a, const char *b)
{
	if (!a || !b)
		return false;
	for (;; a++, b++) {
		a = skip_slashes(a);
		b = skip_slashes(b);
		if (*a != *b)
			return false;
		if (!*a)
			return true;
	}
}

/* A socket, and what is made beside it. */
#define NAMES_OF_SOCKET 3
struct socket_name {
	char path[TK_SOCKET_PATH_MAX + 8];
};

static struct socket_name name_of(const struct tk_conf_socket *socket, unsigned i)
{
	static const char *const beside[NAMES_OF_SOCKET] = {"", ".lock", ".new"};
	struct socket_name out;

	snprintf(out.path, sizeof(out.path), "%s%s", socket->path, beside[i]);
	return out;
}

int tk_conf_check_log(const struct tk_conf *conf, const char *target, struct tk_error *e)
{
	if (same_path(target, conf->path))
		return tk_err_set(e, TK_E_RANGE, "the log's target '%s' is this file itself", target);
	for (unsigned i = 0; i < conf->socket_count * NAMES_OF_SOCKET; i++) {
		const struct tk_conf_socket *socket = &conf->sockets[i / NAMES_OF_SOCKET];
		struct socket_name name;

		if (!socket->path)
			continue; /* not read yet */
		name = name_of(socket, i % NAMES_OF_SOCKET);
		if (same_path(target, name.path))
			return tk_err_set(e, TK_E_RANGE, "the log's target '%s' is a name of socket '%s'",
					  target, socket->path);
	}
	for (unsigned i = 0; i < conf->ring_count; i++)
		if (same_path(target, conf->rings[i].file))
			return tk_err_set(e, TK_E_RANGE, "the log's target '%s' is a ring's key file",
					  target);
	return 0;
}

static int check_socket_apart(const struct tk_conf *conf, const struct tk_conf_socket *socket,
			      struct tk_error *e)
{
	for (unsigned i = 0; i < NAMES_OF_SOCKET; i++) {
		struct socket_name name = name_of(socket, i);

		for (unsigned k = 0; k < conf->ring_count; k++)
			if (same_path(conf->rings[k].file, name.path))
				return tk_err_set(e, TK_E_RANGE,
						  "a ring's key file '%s' is a name of socket '%s'",
						  name.path, socket->path);
	}
	return 0;
}

int tk_conf_check_paths(const struct tk_conf *conf, const char **where, struct tk_error *e)
{
	int rc = 0;

	*where = "sockets";
	for (unsigned i = 0; i < conf->socket_count && !rc; i++)
		rc = check_socket_apart(conf, &conf->sockets[i], e);
	if (rc || conf->log_target != TK_LOG_FILE)
		return rc;
	*where = "log";
	return tk_conf_check_log(conf, conf->log_file, e);
}

int tk_conf_check_socket(const struct tk_conf *conf, unsigned i, const char **where,
			 struct tk_error *e)
{
	const char *path = conf->sockets[i].path;

	*where = "path";
	if (!path)
		return tk_err_set(e, TK_E_PARSE, "a socket needs a 'path'");
	for (unsigned k = 0; k < i; k++)
		if (same_path(conf->sockets[k].path, path))
			return tk_err_set(e, TK_E_RANGE, "socket '%s' is there twice", path);
	return 0;
}

static int check_pair(const struct tk_conf_ring *a, const struct tk_conf_ring *b,
		      const char **where, struct tk_error *e)
{
	*where = "file";
	if (same_path(a->file, b->file))
		return tk_err_set(e, TK_E_RANGE, "file '%s' is another ring's already", b->file);
	if (same(a->name, b->file))
		return tk_err_set(e, TK_E_RANGE, "file '%s' is another ring's name already",
				  b->file);
	*where = "name";
	if (same(a->name, b->name) || same(a->file, b->name))
		return tk_err_set(e, TK_E_RANGE, "name '%s' is another ring's already", b->name);
	return 0;
}

int tk_conf_check_ring(const struct tk_conf *conf, unsigned i, const char **where,
		       struct tk_error *e)
{
	const struct tk_conf_ring *ring = &conf->rings[i];
	int rc = 0;

	*where = NULL;
	if (!ring->file && !ring->name)
		return tk_err_set(e, TK_E_PARSE,
				  "a ring needs a 'file' or, to live in memory, a 'name'");
	if (!ring->file && ring->persist) {
		*where = "persist";
		return tk_err_set(e, TK_E_RANGE,
				  "ring '%s' has no 'file' that it could be saved to", ring->name);
	}
	for (unsigned k = 0; k < i && !rc; k++)
		rc = check_pair(&conf->rings[k], ring, where, e);
	return rc;
}

int tk_conf_check_ages(const struct tk_conf *conf, bool age_said, const char **where,
		       struct tk_error *e)
{
	for (unsigned i = 0; i < conf->ring_count; i++) {
		const struct tk_conf_ring *ring = &conf->rings[i];

		*where = age_said ? "max_key_age" : "max_key_age_action";
		if ((age_said || conf->stop_issuing) && ring->rotate_every > conf->max_key_age)
			return tk_err_set(e, TK_E_RANGE,
					  "'max_key_age' is shorter than 'rotate_every' of ring '%s': "
					  "its key would be too old before each rotation",
					  ring->name);
		*where = "control_thread";
		if (ring->file && ring->rotate_every && !conf->control_thread)
			return tk_err_set(e, TK_E_RANGE,
					  "ring '%s' has 'rotate_every' and a file, which nobody keeps "
					  "without a control thread",
					  ring->name);
	}
	return 0;
}

static int check_name(const struct tk_conf *conf, unsigned i, const char *name,
		      struct tk_names *names, struct tk_error *e)
{
	int other = TK_NO_RING;
	int rc = tk_names_add(names, name, (int)i, &other);

	if (rc == TK_E_NOMEM)
		return tk_err_set(e, rc, "out of memory");
	if (rc == TK_E_INUSE && other == (int)i)
		return tk_err_set(e, TK_E_RANGE, "server name '%s' is there twice", name);
	if (rc == TK_E_INUSE)
		return tk_err_set(e, TK_E_RANGE, "server name '%s' is in ring '%s' already", name,
				  conf->rings[other].name);
	return rc ? tk_err_set(e, TK_E_PARSE,
			       "'%s' is not a server name such as \"example.org\" or "
			       "\"*.example.org\" (letters, digits, - and _; others as xn--)",
			       name) :
		    0;
}

int tk_conf_check_names(const struct tk_conf *conf, unsigned i, struct tk_names *names,
			const char **where, struct tk_error *e)
{
	const struct tk_conf_ring *ring = &conf->rings[i];
	int other = TK_NO_RING, rc = 0;

	*where = "server_names";
	for (unsigned k = 0; k < ring->server_name_count && !rc; k++)
		rc = check_name(conf, i, ring->server_names[k], names, e);
	if (!ring->server_name_count && tk_names_set_default(names, (int)i, &other))
		return tk_err_set(e, TK_E_RANGE,
				  "rings '%s' and '%s' both have no server_names: only one ring "
				  "can be for every other name",
				  conf->rings[other].name, ring->name);
	return rc;
}
