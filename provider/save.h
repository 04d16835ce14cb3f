/* SPDX-License-Identifier: Apache-2.0 */
/*
 * save.h - keys that outlive the server: rings with persist = true and their files.
 *
 * A file is written only while it holds the keys that this instance last read there, wrote or
 * was about to write, or a state of the ring; else somebody else has changed it, and what stands
 * there is not touched, unless it is no key file any more and saving was asked for.  That goes by
 * what it holds, not by its time: two writers may come within one tick of the kernel's clock.
 * Descriptors are opened on attach, before a server gives up rights or its root.
 *
 * Locks: takes the record lock for files, then flock(2) of the file.  Threads: attach, then control
 * threads.
 */
#ifndef TK_SAVE_H
#define TK_SAVE_H

#include "provider/instance.h"
#include "provider/ops.h"
#include "provider/ringstate.h"

/* Opens the files of the rings that are to be saved and brings them to their form.  What
 * does not work is logged; the keys are in force all the same. */
void tk_save_open(struct tk_instance *inst);

/* In a forked child: what its parent has opened in a thread's table of its own is opened anew. */
void tk_save_forked(struct tk_instance *inst);

/* Is this a ring that is to be saved? */
bool tk_save_wanted(const struct tk_instance *inst, unsigned ring);

/* Makes the file hold what the ring holds.  Nothing to do without persist.  insist: it was asked
 * for, and what is no key file any more is written over.  On failure the reason is in *e, was
 * logged, and the ring counts as not saved. */
int tk_save_ring(struct tk_instance *inst, unsigned ring, bool insist, struct tk_error *e);

/* How many rings could not be saved and are not in their files: tkctl may have written them since,
 * or nothing had to be written.  A file that this process cannot read counts. */
unsigned tk_save_lacking(const struct tk_instance *inst);

/* Makes the ring hold what the file holds, and takes the file as it is for ours.
 * The message is whole.  *saved false, on success: the file could not be brought to its form,
 * as with tk_save_ring. */
int tk_save_reload(struct tk_instance *inst, unsigned ring, const struct tk_origin *o,
		   struct tk_changed *out, bool *saved, struct tk_error *e);

#endif
