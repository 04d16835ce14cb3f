/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save.c - owns the decision whether a key file may be written, and through which
 * descriptor.  How it is written is common/keystore's.
 */
#include "provider/save.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/keystate.h"
#include "common/keystore.h"
#include "core/keyfile.h"
#include "provider/clock.h"
#include "provider/log.h"

#define LOCK_DEADLINE_MS 2000
#define FILE_DEADLINE_MS 1000 /* for others to be done with a file */
#define BUSY_MS 5000           /* somebody was not: so long he is waited for once only */
#define NOT_OPEN "not open, and the server has another root by now"
#define HEAL "'save ssl tls-key' writes the ring into it"

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

/* What was kept is good where the path cannot be seen, while the file has a name at all. */
static int find_kept(const struct tk_fd *kept, struct place *p, struct tk_error *e)
{
	*p = (struct place){ .fd = kept->num, .kept = true };
	if (!tk_fd_ok(kept))
		return tk_err_set(e, TK_E_SYS, NOT_OPEN);
	return has_name(kept->num) ? 0 : tk_err_set(e, TK_E_SYS, TK_KEYSTORE_GONE);
}

/* Whoever keeps locks stalls one file of a start, of a command, of a round of the timer, and not
 * each of them. */
static int lock_file(const char *path)
{
	static _Atomic int64_t busy_until;
	int64_t now = tk_monotonic_ms();
	bool busy = now < atomic_load_explicit(&busy_until, memory_order_relaxed);
	int fd = tk_keystore_lock(path, busy ? 0 : FILE_DEADLINE_MS);

	if (fd == -1 && errno == EBUSY && !busy)
		atomic_store_explicit(&busy_until, now + FILE_DEADLINE_MS + BUSY_MS,
				      memory_order_relaxed);
	return fd;
}

/* By its name, for a descriptor that was inherited cannot have a lock of its own; else, where it
 * is the file of that name as far as can be seen, what was kept. */
static int find_file(struct tk_instance *inst, unsigned ring, struct place *p, struct tk_error *e)
{
	const struct tk_fd *kept = &inst->files[ring];
	const char *path = file_of(inst, ring);
	int why;

	if (!tk_instance_same_root(inst))
		return find_kept(kept, p, e);
	*p = (struct place){ .fd = lock_file(path) };
	if (p->fd != -1)
		return 0;
	why = errno;
	if (why == ENOENT || why == ENOTDIR)
		return tk_err_set(e, TK_E_SYS, TK_KEYSTORE_GONE);
	if (why == EBUSY)
		return tk_err_set(e, TK_E_BUSY, TK_KEYSTORE_LOCKED);
	/* EACCES: it may be the folder that cannot be looked into any more */
	if (find_kept(kept, p, e) == 0 && (why == EACCES || same_inode(kept->num, path)))
		return 0;
	return tk_err_set(e, TK_E_SYS, "%s", strerror(why));
}

static void leave_file(const struct place *p)
{
	if (!p->kept && p->fd != -1)
		tk_keystore_unlock(p->fd);
}

static uint64_t sum_of_file(int fd, unsigned slots)
{
	struct tk_ring ring;
	uint64_t sum;

	if (tk_keystore_load_fd(fd, "", slots, &ring, NULL, NULL) != 0)
		return 0;
	sum = tk_ring_sum(&ring);
	tk_ring_wipe(&ring);
	return sum;
}

/* What we wrote, or were about to when we were killed, or a state of the ring. */
static bool may_overwrite(struct tk_instance *inst, unsigned id, int fd, const struct tk_ring *ring)
{
	uint64_t there = sum_of_file(fd, ring->slots);

	if (there == 0)
		return false;
	if (there == tk_ringstate_file(inst->board, id))
		return true;
	if (there != tk_ringstate_next(inst->board, id))
		return tk_keystore_is_state(fd, ring);
	tk_ringstate_set_file(inst->board, id, there); /* the next one is about to be another */
	return true;
}

static bool keep(struct tk_instance *inst, unsigned id, int fd)
{
	unsigned kept = 0;

	tk_fd_close(&inst->files[id]);
	for (unsigned i = 0; i < inst->conf->ring_count; i++)
		kept += inst->files[i].num != -1;
	if (!tk_fds_room(kept)) {
		close(fd);
		return false;
	}
	tk_fd_adopt(&inst->files[id], fd);
	return true;
}

static int rewrite(struct tk_instance *inst, unsigned id, const struct tk_ring *ring,
		   struct tk_error *e)
{
	struct tk_file_id now;
	int fd;

	if (!tk_instance_same_root(inst))
		return tk_err_set(e, TK_E_SYS, "it has not just the ring's lines, and the server "
					       "has another root by now");
	fd = tk_keystore_rewrite(file_of(inst, id), ring, tk_ops_since(inst, id), &now, e);
	if (fd == -1)
		return TK_E_SYS;
	keep(inst, id, fd);
	return 0;
}

static int write_file(struct tk_instance *inst, unsigned id, int fd, const struct tk_ring *ring,
		      struct tk_error *e)
{
	struct tk_file_id now;
	int rc = tk_keystore_write(fd, ring, tk_ops_since(inst, id), &now);

	if (rc == TK_E_SIZE)
		return rewrite(inst, id, ring, e);
	return rc == 0 ? 0 : tk_err_set(e, rc, "%s", strerror(errno));
}

/* There is nothing of somebody else's to lose in what is no key file any more.  Still it waits for
 * somebody to ask: he may be about to write it. */
static int take_over(int fd, const struct tk_ring *ring, bool insist, struct tk_error *e)
{
	int rc = tk_keystore_foreign(fd, ring, HEAL, e);

	if (rc != TK_E_PARSE || !insist)
		return rc;
	rc = tk_keystore_clear(fd, ring);
	return rc == 0 ? 0 : tk_err_set(e, rc, "%s", strerror(errno));
}

static int write_ring(struct tk_instance *inst, unsigned id, const struct tk_ring *ring,
		      bool insist, struct tk_error *e)
{
	struct place p;
	int rc = find_file(inst, id, &p, e);

	if (rc == 0 && !may_overwrite(inst, id, p.fd, ring))
		rc = take_over(p.fd, ring, insist, e);
	tk_ringstate_set_next(inst->board, id, tk_ring_sum(ring)); /* tkctl may write it, too */
	if (rc == 0)
		rc = write_file(inst, id, p.fd, ring, e);
	if (rc == 0)
		tk_ringstate_set_file(inst->board, id, tk_ring_sum(ring));
	leave_file(&p);
	return rc;
}

static int save_locked(struct tk_instance *inst, unsigned id, bool insist, struct tk_error *e)
{
	struct tk_ring ring;
	int rc = tk_vault_read(inst->vault, id, &ring);

	if (rc != 0)
		return tk_err_set(e, rc, "%s", tk_ops_reason(rc));
	rc = write_ring(inst, id, &ring, insist, e);
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

int tk_save_ring(struct tk_instance *inst, unsigned ring, bool insist, struct tk_error *e)
{
	int rc;

	if (!tk_save_wanted(inst, ring))
		return 0;
	rc = lock_files(inst, e);
	if (rc == 0) {
		rc = save_locked(inst, ring, insist, e);
		tk_board_unlock(inst->board, TK_LOCK_FILE);
	}
	return note(inst, ring, rc, e);
}

/* A file that has just the ring's lines, and no time that is still to come, is left as it is. */
static bool in_form(const struct tk_instance *inst, unsigned id, int fd, const struct tk_ring *ring)
{
	struct tk_file_id now;

	return tk_file_id(fd, &now) == 0 && now.size == tk_keyfile_len(ring) &&
	       now.mtime_s <= tk_ops_since(inst, id);
}

/* False: no descriptor is kept though there was one. */
static bool open_one(struct tk_instance *inst, unsigned id)
{
	struct tk_ring ring;
	struct tk_error e;
	int fd = tk_keystore_open(file_of(inst, id)), rc = 0;
	bool kept = true;

	if (fd == -1) {
		tk_log(LOG_WARNING, "'%s' : cannot be written, so no change of its ring will be saved "
				    "(%s)", file_of(inst, id), strerror(errno));
		tk_ringstate_set_unsaved(inst->board, id, true);
		return true;
	}
	if (tk_vault_read(inst->vault, id, &ring) == 0) {
		bool fine = in_form(inst, id, fd, &ring);

		kept = keep(inst, id, fd);
		rc = fine ? 0 : write_ring(inst, id, &ring, false, &e);
		tk_ring_wipe(&ring);
	}
	note(inst, id, rc, &e);
	return kept;
}

static int open_by_name(const struct tk_instance *inst, unsigned id)
{
	return open(file_of(inst, id), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* What is only ever read again is opened, too: later there may be no right to.  So is what is
 * somebody else's to write as yet. */
static bool open_to_read(struct tk_instance *inst, unsigned id)
{
	int fd = inst->conf->rings[id].persist ? tk_keystore_open(file_of(inst, id)) : -1;

	if (fd == -1)
		fd = open_by_name(inst, id);
	return fd == -1 || keep(inst, id, fd);
}

void tk_save_open(struct tk_instance *inst)
{
	unsigned left = 0;

	for (unsigned i = 0; i < inst->conf->ring_count; i++) {
		if (tk_save_wanted(inst, i))
			left += !open_one(inst, i);
		else if (file_of(inst, i) != NULL)
			left += !open_to_read(inst, i);
	}
	if (left > 0)
		tk_log(LOG_WARNING, "%u key file(s) are not kept open, the limit of open files "
				    "(RLIMIT_NOFILE) leaves no room: a process of the server that "
				    "has no right to open them cannot save them", left);
}

/* A file that was made anew since (brought to its form, replaced and reloaded) is open in a
 * control thread's table only: a child opens it while it has the rights of its parent. */
void tk_save_forked(struct tk_instance *inst)
{
	for (unsigned i = 0; i < inst->conf->ring_count; i++) {
		int fd = -1;

		if (inst->files[i].num == -1 || tk_fd_ok(&inst->files[i]))
			continue;
		if (tk_instance_same_root(inst))
			fd = tk_keystore_open(file_of(inst, i));
		inst->files[i] = TK_FD_NONE;
		if (fd != -1)
			tk_fd_adopt(&inst->files[i], fd);
	}
}

/* ---- what is not saved ---- */

/* Unlike load it waits for nobody's lock: this is a look at many. */
static bool is_in_file(const struct tk_instance *inst, unsigned id)
{
	const struct tk_fd *kept = &inst->files[id];
	int fd = -1, by_name = -1;
	struct tk_ring ring;
	bool is = false;

	if (tk_instance_same_root(inst))
		by_name = open_by_name(inst, id);
	if (by_name != -1)
		fd = by_name;
	else if (tk_fd_ok(kept) && has_name(kept->num))
		fd = kept->num;
	if (fd != -1 && tk_vault_read(inst->vault, id, &ring) == 0) {
		is = tk_keystore_holds(fd, &ring);
		tk_ring_wipe(&ring);
	}
	if (by_name != -1)
		close(by_name);
	return is;
}

unsigned tk_save_lacking(const struct tk_instance *inst)
{
	unsigned n = 0;

	for (unsigned i = 0; i < inst->conf->ring_count; i++)
		n += tk_ringstate_unsaved(inst->board, i) && !is_in_file(inst, i);
	return n;
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
	int rc;

	origin.added = was->mtime_s < o->added ? was->mtime_s : o->added;
	rc = tk_ops_replace(inst, id, ring, &origin, out);
	if (rc != 0)
		return tk_err_set(e, rc, "'%s' : %s", file_of(inst, id), tk_ops_reason(rc));
	tk_ringstate_set_file(inst->board, id, tk_ring_sum(ring));
	return 0;
}

/* What was taken in is in force, whatever becomes of the file's form. */
static bool tidy_up(struct tk_instance *inst, unsigned id, const struct tk_file_id *was,
		    const struct tk_ring *ring, struct tk_error *e)
{
	int rc = 0;

	if (!tk_save_wanted(inst, id))
		return true;
	if (was->size != tk_keyfile_len(ring) || was->mtime_s > tk_ops_since(inst, id))
		rc = save_locked(inst, id, false, e);
	return note(inst, id, rc, e) == 0;
}

int tk_save_reload(struct tk_instance *inst, unsigned ring, const struct tk_origin *o,
		   struct tk_changed *out, bool *saved, struct tk_error *e)
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
	if (rc == 0)
		*saved = tidy_up(inst, ring, &was, &keys, e);
	tk_board_unlock(inst->board, TK_LOCK_FILE);
	tk_ring_wipe(&keys);
	return rc;
}
