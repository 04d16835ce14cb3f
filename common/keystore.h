/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore.h - key files on disk.  The text is core/keyfile's; this is the I/O.
 *
 * A file is in its form when it has just the ring's keys, each on a line with LF.  All
 * lines have one length and a ring has at most 32, so a file in its form is less than a
 * page: one pwrite changes it whole, and who is killed leaves the old file or the new
 * one, with no old key behind.
 *
 * Who may overwrite what is the caller's business; here is how.
 */
#ifndef TK_KEYSTORE_H
#define TK_KEYSTORE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/file.h"
#include "core/ring.h"
#include "tkprov/err.h"

/* Reasons for which a ring is not saved, besides those of the system. */
#define TK_KEYSTORE_CHANGED "changed by somebody else; 'reload ssl tls-key' takes it in"
#define TK_KEYSTORE_GONE "removed by somebody else"
#define TK_KEYSTORE_LOCKED "another program has it locked all the time"

/* Reads `file` into a ring of `slots` keys.  Only a regular file of at most 1 MiB
 * is read (a FIFO would stall the server); what was read is wiped before it returns.  Waits
 * for a second at the most while somebody has the file locked (tk_keystore_lock).
 * *id, of what was read, may be NULL.
 * Messages: HAProxy's, see keyfile.h; for a file that cannot be read
 *   'FILE' : unable to load ssl tickets keys file (REASON)
 * Returns 0, TK_E_SYS, TK_E_NOMEM, TK_E_RANGE (too large) or what tk_keyfile_parse returns; *out
 * is wiped on failure. */
int tk_keystore_load(const char *file, unsigned slots, struct tk_ring *out,
		     struct tk_file_id *id, struct tk_error *e);

/* The same of a file that is open; `file` is for messages. */
int tk_keystore_load_fd(int fd, const char *file, unsigned slots, struct tk_ring *out,
			struct tk_file_id *id, struct tk_error *e);

/* Opens a key file for tk_keystore_write.  -1: errno says why. */
int tk_keystore_open(const char *file);

/* The same, and locks it by flock(2), so that those who look what a file holds and then write it
 * take turns, tkctl and other servers too; waits for wait_ms at the most.  What is open is what
 * `file` names.  Where the filesystem has no such locks there is none.  EBUSY: somebody has
 * had it all the time. */
int tk_keystore_lock(const char *file, int wait_ms);

/* Gives the lock back and closes the file. */
void tk_keystore_unlock(int fd);

/* For what is no key file any more: empties it and gives it the size of the ring's form, so that
 * tk_keystore_write writes it where it is, and whoever is killed in between leaves no key file.
 * TK_E_SYS: errno says why. */
int tk_keystore_clear(int fd, const struct tk_ring *ring);

/* Does the open file hold just the ring, and in its form? */
bool tk_keystore_holds(int fd, const struct tk_ring *ring);

/* Writes the ring over a file that is in its form; one that holds it already stays as it is.
 * `since`: when the newest key came, which becomes the file's time where that may be set, for
 * at the next start it is taken from there; 0: now.  A later time is put back even if the
 * ring was there already: else the period of a file from the future began anew at each start.
 * TK_E_SIZE: not in its form, nothing was written.  TK_E_SYS: errno says why.  *id: the
 * file as it is now. */
int tk_keystore_write(int fd, const struct tk_ring *ring, int64_t since, struct tk_file_id *id);

/* Brings `file` into its form: a new file beside it, FILE.tkprov-newXXXXXX, with owner, mode and
 * access list (ACL) of the old one, renamed over it (over what it points to, where it is a symbolic link).  The
 * caller has the old one locked.  Each maker has a name of his own; what one that was killed
 * has left is removed.  `since`: as above.
 * Returns a descriptor of the new file, open as by tk_keystore_open, or -1 with the reason
 * in *e; then the old file is as it was. */
int tk_keystore_rewrite(const char *file, const struct tk_ring *ring, int64_t since,
			struct tk_file_id *id, struct tk_error *e);

/* Makes a new file in its form, mode 0600 whatever the umask.  TK_E_INUSE: there is
 * something of that name, and it stays as it is.  TK_E_SYS: nothing is left behind. */
int tk_keystore_create(const char *file, const struct tk_ring *ring, struct tk_error *e);

#endif
