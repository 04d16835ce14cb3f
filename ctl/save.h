/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save.h - where the server could not save a ring, tkctl may be able to: it often runs as
 * root, outside of the server's chroot and sandbox.
 */
#ifndef TK_CTL_SAVE_H
#define TK_CTL_SAVE_H

#include <stdbool.h>
#include <stddef.h>

#include "ctl/status.h"

/* For each line `not saved: FILE: REASON` in the answer of the server at `socket`: writes the
 * ring, as the server has it then, into FILE, and says so.  The server is not believed that
 * FILE is its own: it must hold a state of the ring, or be the file that trust.h's
 * configuration names, with keys that the ring once had.
 * insist: it was asked for (`tkctl save`): a file that was removed is made anew if that
 * configuration names it, and what does not work is TK_STATUS_FAILED; else it is a
 * warning. */
enum tk_status tk_ctl_save(const char *socket, const char *answer, size_t len, bool insist);

#endif
