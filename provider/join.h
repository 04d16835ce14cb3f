/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join.h - the control sockets: is somebody alive on the path, and if nobody is, how it
 * becomes ours.
 *
 * Nothing is ever stolen from the living.  A process that starts beside a live instance
 * (`nginx -t`) goes on with keys from the files and leaves socket and path alone; heir.h says how
 * it gets them when nobody lives there any more.
 */
#ifndef TK_JOIN_H
#define TK_JOIN_H

#include "provider/instance.h"

/* At the start of a server: opens the instance's sockets into inst->listeners, as far as they
 * can be had; what cannot is logged and no error.  The first socket decides: where it cannot be
 * had none is opened, and where it is somebody else's the instance is beside him (board.h). */
void tk_join_listen(struct tk_instance *inst);

enum tk_join {
	TK_JOIN_OURS,   /* the first socket was free and is ours now, and of the others what was free */
	TK_JOIN_THEIRS, /* another instance answers there */
	TK_JOIN_NOT,    /* neither: no right to, somebody else was first, nobody can tell */
};

/* The same later, by a control thread: says nothing, waits for nobody, makes no folder. */
enum tk_join tk_join_again(struct tk_instance *inst);

/* Gives up what this process has of the sockets, and with unlink_too their paths. */
void tk_join_leave(struct tk_instance *inst, bool unlink_too);

#endif
