/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.h - what happens around fork(): locks are taken so that a child copies nothing
 * half-done, and the child becomes a full member.
 *
 * A process forked without these handlers (bare clone(2), _Fork) has keys and tickets
 * all the same; it lacks a control thread.
 */
#ifndef TK_FORK_H
#define TK_FORK_H

/* Registers the handlers, once.  in_child is called first in every child. */
void tk_fork_watch(void (*in_child)(void));

#endif
