/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save.c - owns the decision whether a key file may be written, and through which
 * descriptor.  How it is written is common/keystore's.
 */
#include "provider/save.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/keystore.h"
#include "core/keyfile.h"
#include "provider/log.h"

#define LOCK_DEADLINE_MS 2000
#define FILES_MAX 64 /* descriptors that are kept; further files are opened when needed */

/* A file that is open for one save. */
struct place {
	int fd;
	bool kept; /* the instance's own descriptor */
};

static const char *file_of(const struct tk_instance *inst, unsigned ring)
{
	return inst->conf->rings[ring].file;
}

bool tk_save_wanted(const struct tk_instance *inst, unsigned ring)
{
	return file_of(inst, ring) != NULL && inst->conf->rings[ring].persist &&
	       !tk_board_beside(inst->board);
}

static bool same_inode(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static bool has_name(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

static bool is_gone(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 && (errno == ENOENT || errno == ENOTDIR);
}

/* The descriptor that was kept is good while it is what the path names, or, where that
 * cannot be seen, while the file has a name at all. */
static int find_file(struct tk_instance *inst, unsigned ring, struct place *p, struct tk_error *e)
{
	const struct tk_fd *kept = &inst->files[ring];
	const char *path = file_of(inst, ring);
	bool visible = tk_instance_same_root(inst), ok = tk_fd_ok(kept) && has_name(kept->num);

	*p = (struct place){ .fd = kept->num, .kept = true };
	if (ok && (!visible || same_inode(kept->num, path)))
		return 0;
	if (visible && is_gone(path))
		return tk_err_set(e, TK_E_SYS, TK_KEYSTORE_GONE);
	*p = (struct place){ .fd = visible ? tk_keystore_open(path) : -1 };
	if (p->fd != -1)
		return 0;
	if (ok && visible && errno == EACCES) { /* the folder cannot be looked into any more */
		*p = (struct place){ .fd = kept->num, .kept = true };
		return 0;
	}
	return tk_err_set(e, TK_E_SYS, "%s", visible ? strerror(errno) : TK_KEYSTORE_GONE);
}

static bool may_overwrite(const struct tk_instance *inst, unsigned id, int fd,
			  const struct tk_ring *ring)
{
	struct tk_file_id known, now;

	tk_ringstate_file(inst->board, id, &known);
	if (tk_file_id(fd, &now) == 0 && tk_file_id_same(&known, &now))
		return true;
	return tk_keystore_is_state(fd, ring);
}

static void keep(struct tk_instance *inst, unsigned id, int fd)
{
	if (id >= FILES_MAX) {
		close(fd);
		return;
	}
	tk_fd_close(&inst->files[id]);
	tk_fd_adopt(&inst->files[id], fd);
}

static int rewrite(struct tk_instance *inst, unsigned id, const struct tk_ring *ring,
		   struct tk_file_id *now, struct tk_error *e)
{
	int fd;

	if (!tk_instance_same_root(inst))
		return tk_err_set(e, TK_E_SYS, "it has not just the ring's lines, and the server "
					       "has another root by now");
	fd = tk_keystore_rewrite(file_of(inst, id), ring, tk_ops_since(inst, id), now, e);
	if (fd == -1)
		return TK_E_SYS;
	keep(inst, id, fd);
	return 0;
}

static int write_ring(struct tk_instance *inst, unsigned id, const struct tk_ring *ring,
		      struct tk_error *e)
{
	struct tk_file_id now;
	struct place p;
	int rc = find_file(inst, id, &p, e);

	if (rc != 0)
		return rc;
	if (!may_overwrite(inst, id, p.fd, ring))
		rc = tk_err_set(e, TK_E_INUSE, TK_KEYSTORE_CHANGED);
	else if ((rc = tk_keystore_write(p.fd, ring, tk_ops_since(inst, id), &now)) ==
		 TK_E_SYS)
		tk_err_set(e, rc, "%s", strerror(errno));
	else if (rc == TK_E_SIZE)
		rc = rewrite(inst, id, ring, &now, e);
	if (rc == 0)
		tk_ringstate_set_file(inst->board, id, &now);
	if (!p.kept)
		close(p.fd);
	return rc;
}

static int save_locked(struct tk_instance *inst, unsigned id, struct tk_error *e)
{
	struct tk_ring ring;
	int rc = tk_vault_read(inst->vault, id, &ring);

	if (rc != 0)
		return tk_err_set(e, rc, "%s", tk_ops_reason(rc));
	rc = write_ring(inst, id, &ring, e);
	tk_ring_wipe(&ring);
	return rc;
}

static int lock_files(struct tk_instance *inst, struct tk_error *e)
{
	int rc = tk_board_lock(inst->board, TK_LOCK_FILE, LOCK_DEADLINE_MS);

	return rc == 0 ? 0 : tk_err_set(e, rc, "another process of the server has been saving "
					       "all the time");
}

static int note(struct tk_instance *inst, unsigned id, int rc, const struct tk_error *e)
{
	tk_ringstate_set_unsaved(inst->board, id, rc != 0);
	if (rc != 0)
		tk_log(LOG_WARNING, "not saved: %s: %s", file_of(inst, id), e->text);
	return rc;
}

int tk_save_ring(struct tk_instance *inst, unsigned ring, struct tk_error *e)
{
	int rc;

	if (!tk_save_wanted(inst, ring))
		return 0;
	rc = lock_files(inst, e);
	if (rc == 0) {
		rc = save_locked(inst, ring, e);
		tk_board_unlock(inst->board, TK_LOCK_FILE);
	}
	return note(inst, ring, rc, e);
}

/* A file that is in its form already is left as it is. */
static void open_one(struct tk_instance *inst, unsigned id)
{
	struct tk_file_id known;
	struct tk_ring ring;
	struct tk_error e;
	int fd = tk_keystore_open(file_of(inst, id)), rc = 0;

	if (fd == -1)
		rc = tk_err_set(&e, TK_E_SYS, "%s", strerror(errno));
	else
		keep(inst, id, fd);
	tk_ringstate_file(inst->board, id, &known);
	if (rc == 0 && tk_vault_read(inst->vault, id, &ring) == 0) {
		if (known.size != tk_keyfile_len(&ring))
			rc = write_ring(inst, id, &ring, &e);
		tk_ring_wipe(&ring);
	}
	note(inst, id, rc, &e);
}

/* What is only ever read again is opened, too: later there may be no right to.  So is what is
 * somebody else's to write as yet. */
static void open_to_read(struct tk_instance *inst, unsigned id)
{
	int fd = inst->conf->rings[id].persist ? tk_keystore_open(file_of(inst, id)) : -1;

	if (fd == -1)
		fd = open(file_of(inst, id), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd != -1)
		keep(inst, id, fd);
}

void tk_save_open(struct tk_instance *inst)
{
	for (unsigned i = 0; i < inst->conf->ring_count; i++) {
		if (tk_save_wanted(inst, i))
			open_one(inst, i);
		else if (file_of(inst, i) != NULL)
			open_to_read(inst, i);
	}
}

/* ---- reload ---- */

/* By its name where that can be; else what was opened, if it is the file of that name. */
static int load(struct tk_instance *inst, unsigned id, struct tk_ring *out, struct tk_file_id *was,
		struct tk_error *e)
{
	const struct tk_conf_ring *conf = &inst->conf->rings[id];
	const struct tk_fd *kept = &inst->files[id];
	bool visible = tk_instance_same_root(inst);
	int rc = TK_E_SYS;

	if (visible)
		rc = tk_keystore_load(conf->file, conf->slots, out, was, e);
	if (rc == TK_E_SYS && tk_fd_ok(kept) && has_name(kept->num) &&
	    (!visible || same_inode(kept->num, conf->file)))
		rc = tk_keystore_load_fd(kept->num, conf->file, conf->slots, out, was, e);
	else if (!visible)
		rc = tk_err_set(e, rc, "'%s' : unable to load ssl tickets keys file (the server "
				       "has another root by now)", conf->file);
	return rc;
}

static int take_in(struct tk_instance *inst, unsigned id, const struct tk_ring *ring,
		   const struct tk_file_id *was, const struct tk_origin *o,
		   struct tk_changed *out, struct tk_error *e)
{
	struct tk_origin origin = *o;
	struct tk_error why;
	int rc;

	origin.added = was->mtime_s < o->added ? was->mtime_s : o->added;
	rc = tk_ops_replace(inst, id, ring, &origin, out);
	if (rc != 0)
		return tk_err_set(e, rc, "'%s' : %s", file_of(inst, id), tk_ops_reason(rc));
	tk_ringstate_set_file(inst->board, id, was);
	if (!tk_save_wanted(inst, id))
		return 0;
	rc = was->size == tk_keyfile_len(ring) ? 0 : save_locked(inst, id, &why);
	note(inst, id, rc, &why);
	return 0;
}

int tk_save_reload(struct tk_instance *inst, unsigned ring, const struct tk_origin *o,
		   struct tk_changed *out, struct tk_error *e)
{
	struct tk_file_id was;
	struct tk_ring keys;
	int rc;

	if (file_of(inst, ring) == NULL)
		return tk_err_set(e, TK_E_NOENT, "ring %u (%s) has no file", ring,
				  inst->conf->rings[ring].name);
	rc = lock_files(inst, e);
	if (rc != 0)
		return rc;
	rc = load(inst, ring, &keys, &was, e);
	if (rc == 0)
		rc = take_in(inst, ring, &keys, &was, o, out, e);
	tk_board_unlock(inst->board, TK_LOCK_FILE);
	tk_ring_wipe(&keys);
	return rc;
}
