/* SPDX-License-Identifier: Apache-2.0 */
/*
 * status.h - tkctl's exit statuses, part of its manual.  Of several the highest counts.
 */
#ifndef TK_STATUS_H
#define TK_STATUS_H

enum tk_status {
	TK_STATUS_DONE = 0,
	TK_STATUS_FAILED = 1,    /* refused, or went wrong */
	TK_STATUS_USAGE = 2,
	TK_STATUS_NO_SERVER = 3, /* nobody listens there */
	TK_STATUS_DENIED = 4,    /* by the file's mode or the socket's level */
};

#endif
