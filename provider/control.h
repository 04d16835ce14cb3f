/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control.h - the control thread: one in each process, answers the instance's socket.
 *
 * All signals are blocked in it, its stack is small, it has a descriptor table of its
 * own (where the kernel allows), it keeps the process's credentials, and it never calls
 * libcrypto.  Where there is none (control_thread = false, or it cannot be made, which is logged)
 * keys and tickets work; who serves a handshake rotates then what is due.
 */
#ifndef TK_CONTROL_H
#define TK_CONTROL_H

#include "provider/instance.h"

/* Starts the thread and waits until it stands, so that the server cannot close its
 * descriptors before it has its own.  forked: called by the fork handler in a child.  Not 0: there
 * is none in this process, and so nobody who would answer on a socket. */
int tk_control_start(struct tk_instance *inst, bool forked);

#endif
