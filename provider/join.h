/* SPDX-License-Identifier: Apache-2.0 */
/*
 * join.h - the control sockets: is somebody alive on the path, and if nobody is, how it
 * becomes ours.
 *
 * Nothing is ever stolen from the living.  A process that starts beside a live instance
 * (`nginx -t`) goes on with keys from the files and leaves socket and path alone.
 */
#ifndef TK_JOIN_H
#define TK_JOIN_H

#include "provider/instance.h"

/* Opens the instance's sockets into inst->listeners, as far as they can be had; what
 * cannot is logged and no error.  The first socket decides: where it is somebody
 * else's, none is opened and inst->beside is set. */
void tk_join_listen(struct tk_instance *inst);

#endif
