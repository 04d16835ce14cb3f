/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trust.c - owns the question who could have made a path, and the reading of tkprov.conf
 * for it.  Asks no server, and writes nothing.
 */
#include "ctl/trust.h"

#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/conf.h"

#define OTHERS (S_IWGRP | S_IWOTH)

static bool is_own(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* *shared: others may make entries in it, but not touch those of root and the caller. */
static bool is_safe_folder(const char *path, bool *shared)
{
	struct stat st;

	if (lstat(path, &st) == -1 || !S_ISDIR(st.st_mode) || !is_own(&st))
		return false;
	*shared = (st.st_mode & OTHERS) != 0;
	return !*shared || (st.st_mode & S_ISVTX);
}

bool tk_trust_path(const char *path)
{
	size_t len = strlen(path);
	char part[TK_PATH_MAX];
	bool shared = false;
	struct stat st;

	if (path[0] != '/' || len >= sizeof(part))
		return false;
	for (size_t i = 0; i < len; i++) {
		part[i] = path[i];
		part[i + 1] = '\0';
		if (path[i] != '/')
			continue;
		part[i ? i : 1] = '\0';
		if (!is_safe_folder(part, &shared))
			return false;
		part[i] = '/';
	}
	if (lstat(path, &st) == -1)
		return errno == ENOENT && !shared;
	return !S_ISLNK(st.st_mode) && (!shared || is_own(&st));
}

static bool is_safe_conf(const char *path)
{
	struct stat st;

	return tk_trust_path(path) && stat(path, &st) == 0 && S_ISREG(st.st_mode) && is_own(&st) &&
	       !(st.st_mode & OTHERS);
}

static bool names_both(const struct tk_conf *conf, const char *socket, const char *file)
{
	bool server = false, ring = false;

	for (unsigned i = 0; i < conf->socket_count; i++)
		server = server || strcmp(conf->sockets[i].path, socket) == 0;
	for (unsigned i = 0; i < conf->ring_count; i++)
		ring = ring || (conf->rings[i].persist && conf->rings[i].file &&
				strcmp(conf->rings[i].file, file) == 0);
	return server && ring;
}

bool tk_trust_file(const char *socket, const char *file)
{
	bool found = false;
	struct tk_error e;
	glob_t confs;

	if (!tk_trust_path(file) || glob(TK_TRUST_CONFS, 0, NULL, &confs))
		return false;
	for (size_t i = 0; i < confs.gl_pathc && !found; i++) {
		struct tk_conf *conf = NULL;

		if (!is_safe_conf(confs.gl_pathv[i]) ||
		    tk_conf_load(&conf, confs.gl_pathv[i], NULL, &e))
			continue;
		found = names_both(conf, socket, file);
		tk_conf_free(&conf);
	}
	globfree(&confs);
	return found;
}
