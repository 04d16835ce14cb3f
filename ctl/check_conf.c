/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_conf.c - owns the look at what tkprov.conf names.  The grammar is common/conf's,
 * key files are common/keystore's; here is what would go wrong afterwards, where the
 * module opens, binds and saves.
 *
 * Only looks: a check that made a file would make it with the wrong owner.
 */
#include "ctl/check_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/keystore.h"
#include "core/keyfile.h"
#include "ctl/check_vault.h"

struct folder {
	char path[TK_PATH_MAX];
};

/* The folder that `path` lies in. */
static struct folder folder_of(const char *path)
{
	struct folder out;
	char copy[TK_PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(out.path, sizeof(out.path), "%s", dirname(copy));
	return out;
}

/* By the effective ids, as open and bind go. */
static bool may(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0;
}

/* ---- key files ---- */

/* As containers mount single files: no new one can be renamed over it. */
static bool is_mounted(const char *path)
{
	struct statx st;

	return statx(AT_FDCWD, path, 0, 0, &st) == 0 && (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* May the caller give a file that group, as chown goes? */
static bool may_give(gid_t gid)
{
	return gid == getegid() || group_member(gid);
}

/* A new file in its place is given its owner and group. */
static bool may_take_place(const char *path)
{
	struct stat st;

	return geteuid() == 0 || stat(path, &st) == -1 ||
	       (st.st_uid == geteuid() && may_give(st.st_gid));
}

static void check_saving(const struct tk_conf_ring *ring, bool exact, struct tk_findings *f)
{
	struct folder folder = folder_of(ring->file);

	if (!may(ring->file, W_OK))
		tk_findings_warning(f, "'%s' : cannot be written, so no change of its ring will be "
				       "saved (%s)",
				    ring->file, strerror(errno));
	if (!exact && !may(folder.path, W_OK | X_OK))
		tk_findings_warning(f, "'%s' : has not exactly %u lines, and '%s' takes no new file "
				       "(%s)",
				    ring->file, ring->slots, folder.path, strerror(errno));
	else if (!exact && is_mounted(ring->file))
		tk_findings_warning(f, "'%s' : has not exactly %u lines, and is mounted by itself, so that "
				       "no new file can take its place",
				    ring->file, ring->slots);
	else if (!exact && !may_take_place(ring->file))
		tk_findings_warning(f, "'%s' : has not exactly %u lines, and user %lu cannot make a new "
				       "file of its owner and group",
				    ring->file, ring->slots, (unsigned long)geteuid());
}

static void check_key_file(const struct tk_conf_ring *ring, struct tk_findings *f)
{
	struct tk_ring keys;
	struct tk_error e;
	struct stat st = {0};
	bool exact;

	if (tk_keystore_load(ring->file, ring->slots, &keys, NULL, &e)) {
		tk_findings_error(f, "%s", e.text);
		return;
	}
	exact = stat(ring->file, &st) == 0 && (size_t)st.st_size == tk_keyfile_len(&keys);
	if (st.st_mode & (S_IROTH | S_IWOTH))
		tk_findings_warning(f, "'%s' : others can %s it (mode %04o)", ring->file,
				    st.st_mode & S_IROTH ? "read" : "write",
				    (unsigned)st.st_mode & 07777);
	if (keys.key_len == TK_KEY_128_LEN)
		tk_findings_warning(f, "'%s' : keys of %d bytes mean AES-128; AES-256 takes %d",
				    ring->file, TK_KEY_128_LEN, TK_KEY_256_LEN);
	tk_ring_wipe(&keys);
	if (ring->persist)
		check_saving(ring, exact, f);
}

struct place {
	dev_t dev;
	ino_t ino;
	unsigned ring;
};

static bool same_place(const struct place *a, const struct place *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

static int by_place(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	if (same_place(a, b))
		return a->ring < b->ring ? -1 : 1;
	if (a->dev != b->dev)
		return a->dev < b->dev ? -1 : 1;
	return a->ino < b->ino ? -1 : 1;
}

/* One file by two names.  What one ring saves there the other one takes for somebody else's. */
static void check_links(const struct tk_conf *conf, struct tk_findings *f)
{
	struct place *places = calloc(conf->ring_count, sizeof(*places));
	const struct tk_conf_ring *rings = conf->rings;
	unsigned n = 0;
	struct stat st;

	for (unsigned i = 0; places && i < conf->ring_count; i++)
		if (rings[i].file && rings[i].persist && stat(rings[i].file, &st) == 0)
			places[n++] = (struct place){st.st_dev, st.st_ino, i};
	if (n > 1)
		qsort(places, n, sizeof(*places), by_place);
	for (unsigned i = 1; i < n; i++)
		if (same_place(&places[i - 1], &places[i]))
			tk_findings_warning(f, "'%s' : is the file of ring '%s', too (a link): only one of "
					       "two rings can be saved there",
					    rings[places[i].ring].file, rings[places[i - 1].ring].name);
	free(places);
}

/* ---- sockets and the log ---- */

static void check_socket_folder(const char *path, struct tk_findings *f)
{
	struct folder folder = folder_of(path), above = folder_of(folder.path);
	struct stat st;

	if (may(folder.path, W_OK | X_OK))
		return;
	if (errno == ENOENT && lstat(folder.path, &st) == 0) {
		tk_findings_error(f, "socket '%s': '%s' is a link to nothing", path, folder.path);
	} else if (errno != ENOENT) {
		tk_findings_error(f, "socket '%s': cannot be made in '%s': %s", path, folder.path,
				  strerror(errno));
	} else if (!may(above.path, W_OK | X_OK)) {
		if (errno == ENOENT)
			tk_findings_error(f, "socket '%s': '%s' is missing too; only the last folder "
					     "of a path is made",
					  path, above.path);
		else
			tk_findings_error(f, "socket '%s': its folder cannot be made in '%s': %s",
					  path, above.path, strerror(errno));
	}
}

/* Group and owner as the module sets them, with the caller's rights. */
static void check_owner(const struct tk_conf_socket *socket, struct tk_findings *f)
{
	bool member = socket->gid == (gid_t)-1 || may_give(socket->gid);

	if (geteuid() == 0)
		return;
	if (socket->uid != (uid_t)-1 && socket->uid != geteuid())
		tk_findings_warning(f, "socket '%s': user %lu cannot give it to user %lu, only root "
				       "can: there will be no socket unless root starts the server",
				    socket->path, (unsigned long)geteuid(),
				    (unsigned long)socket->uid);
	if (!member)
		tk_findings_warning(f, "socket '%s': user %lu is not in group %lu and cannot give it "
				       "to that: there will be no socket unless a member or root "
				       "starts the server",
				    socket->path, (unsigned long)geteuid(),
				    (unsigned long)socket->gid);
}

/* In a sticky folder nobody but root takes the place of what is somebody else's. */
static void check_sticky(const char *path, const char *name, struct tk_findings *f)
{
	struct folder folder = folder_of(path);
	struct stat in, st;

	if (geteuid() != 0 && stat(folder.path, &in) == 0 && (in.st_mode & S_ISVTX) &&
	    in.st_uid != geteuid() && lstat(name, &st) == 0 && st.st_uid != geteuid())
		tk_findings_error(f, "socket '%s': '%s' belongs to user %lu, and '%s' is sticky", path,
				  name, (unsigned long)st.st_uid, folder.path);
}

/* The module asks who has the path, and locks and makes the socket under names beside it. */
static void check_beside(const char *path, struct tk_findings *f)
{
	char lock[TK_SOCKET_PATH_MAX + 8], new[TK_SOCKET_PATH_MAX + 8];
	struct stat st;

	snprintf(lock, sizeof(lock), "%s.lock", path);
	snprintf(new, sizeof(new), "%s.new", path);
	if (!may(path, W_OK) && errno == EACCES)
		tk_findings_error(f, "socket '%s': is there, and who has it cannot be asked: %s", path,
				  strerror(errno));
	if (!may(lock, R_OK | W_OK) && errno == EACCES)
		tk_findings_error(f, "socket '%s': '%s' cannot be opened: %s", path, lock,
				  strerror(errno));
	if (lstat(lock, &st) == 0 && !S_ISREG(st.st_mode))
		tk_findings_error(f, "socket '%s': '%s' is not a file", path, lock);
	if (lstat(new, &st) == 0 && !S_ISSOCK(st.st_mode))
		tk_findings_error(f, "socket '%s': '%s' is not a socket", path, new);
	check_sticky(path, path, f);
	check_sticky(path, new, f);
}

static void check_socket(const struct tk_conf_socket *socket, struct tk_findings *f)
{
	const char *path = socket->path;
	struct stat st;

	check_owner(socket, f);
	if ((socket->mode & S_IWOTH) && socket->level == TK_LEVEL_ADMIN)
		tk_findings_warning(f, "socket '%s': others may connect (mode %04o), and level \"admin\" "
				       "shows them the keys",
				    path, (unsigned)socket->mode);
	if (lstat(path, &st) == -1 && errno != ENOENT) {
		tk_findings_error(f, "socket '%s': %s", path, strerror(errno));
	} else if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode)) {
		tk_findings_error(f, "socket '%s': there is something that is not a socket", path);
	} else {
		check_beside(path, f);
		check_socket_folder(path, f);
	}
}

/* By a link; by name it would be no good tkprov.conf. */
static bool is_same_file(const char *path, const struct stat *st)
{
	struct stat other;

	return path && stat(path, &other) == 0 && other.st_dev == st->st_dev &&
	       other.st_ino == st->st_ino;
}

static void check_log_apart(const struct tk_conf *conf, struct tk_findings *f)
{
	struct stat st;

	if (stat(conf->log_file, &st) == -1)
		return;
	if (is_same_file(conf->path, &st))
		tk_findings_error(f, "log '%s': is tkprov.conf itself (a link)", conf->log_file);
	for (unsigned i = 0; i < conf->ring_count; i++)
		if (is_same_file(conf->rings[i].file, &st))
			tk_findings_error(f, "log '%s': is the key file of ring '%s' (a link)",
					  conf->log_file, conf->rings[i].name);
}

/* Opened as the module opens it, but not made. */
static void check_log(const char *path, struct tk_findings *f)
{
	struct folder folder = folder_of(path);
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd != -1)
		close(fd);
	else if (errno != ENOENT)
		tk_findings_error(f, "log '%s': %s", path, strerror(errno));
	else if (!may(folder.path, W_OK | X_OK))
		tk_findings_error(f, "log '%s': cannot be made in '%s': %s", path, folder.path,
				  strerror(errno));
}

/* ---- keys, and what is without them ---- */

static void check_vault(const struct tk_conf *conf, struct tk_findings *f)
{
	unsigned slots = TK_SLOTS_DEFAULT;
	struct tk_error e;

	for (unsigned i = 0; i < conf->ring_count; i++)
		if (conf->rings[i].slots > slots)
			slots = conf->rings[i].slots;
	/* Near enough to what the module takes: two images of each ring. */
	if (tk_check_vault((conf->ring_count + TK_SPARE_RINGS) *
				   (64 + 2 * (size_t)slots * (TK_KEY_LEN_MAX + 8)),
			   &e))
		tk_findings_error(f, "vault = \"secret\": memfd_secret: %s; \"auto\" takes other "
				     "memory then",
				  e.text);
}

static void say_outcome(enum tk_on_error on_error)
{
	switch (on_error) {
	case TK_ON_ERROR_NO_TICKETS:
		tk_findings_note("so no session tickets will be issued (on_error = \"no-tickets\")");
		break;
	case TK_ON_ERROR_BUILTIN:
		tk_findings_note("so tickets will be under OpenSSL's own keys, which the module does "
				 "not manage (on_error = \"builtin\")");
		break;
	case TK_ON_ERROR_ABORT:
		tk_findings_note("so the server's process will end (on_error = \"abort\")");
		break;
	}
}

static void check_keys(const struct tk_conf *conf, struct tk_findings *f)
{
	unsigned before = f->errors;

	for (unsigned i = 0; i < conf->ring_count; i++)
		if (conf->rings[i].file)
			check_key_file(&conf->rings[i], f);
	check_links(conf, f);
	if (conf->vault == TK_VAULT_SECRET)
		check_vault(conf, f);
	if (f->errors > before)
		say_outcome(conf->on_error);
}

/* By a link on the way.  The module finds itself there, and takes that for somebody else. */
static bool same_socket(const char *a, const char *b)
{
	struct folder in_a = folder_of(a), in_b = folder_of(b);
	struct stat x, y;

	return strcmp(strrchr(a, '/'), strrchr(b, '/')) == 0 && stat(in_a.path, &x) == 0 &&
	       stat(in_b.path, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static void check_socket_twice(const struct tk_conf *conf, unsigned i, struct tk_findings *f)
{
	for (unsigned k = 0; k < i; k++)
		if (same_socket(conf->sockets[k].path, conf->sockets[i].path))
			tk_findings_warning(f, "socket '%s': is socket '%s', too (a link): only that one "
					       "is made",
					    conf->sockets[i].path, conf->sockets[k].path);
}

/* Nothing but the socket is lost. */
static void check_sockets(const struct tk_conf *conf, struct tk_findings *f)
{
	unsigned before = f->errors;

	for (unsigned i = 0; i < conf->socket_count && conf->control_thread; i++) {
		check_socket(&conf->sockets[i], f);
		check_socket_twice(conf, i, f);
	}
	if (f->errors > before)
		tk_findings_note("without its first socket a server shares its keys by fork only, "
				 "and answers no commands");
}

struct tk_conf *tk_check_conf(const char *path, struct tk_findings *f)
{
	struct tk_conf *conf, *ahead;
	struct tk_error e;

	if (tk_conf_load(&conf, path, &ahead, &e)) {
		tk_findings_error(f, "%s", e.text);
		say_outcome(ahead ? ahead->on_error : TK_ON_ERROR_NO_TICKETS);
		tk_conf_free(&ahead);
		return NULL;
	}
	check_keys(conf, f);
	check_sockets(conf, f);
	if (conf->log_target == TK_LOG_FILE) {
		check_log(conf->log_file, f);
		check_log_apart(conf, f);
	}
	return conf;
}
