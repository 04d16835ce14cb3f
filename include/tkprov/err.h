/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - results and messages.
 *
 * Functions return 0 or a negative enum tk_err.  Where a person will read about
 * it, the message is made once, at the place that knows path and line, and is
 * handed up in a struct tk_error; whoever owns the surface (reply, log, stderr)
 * prints it.  A message never contains key bytes.
 */
#ifndef TKPROV_ERR_H
#define TKPROV_ERR_H

enum tk_err {
	TK_OK = 0,
	TK_E_NOMEM = -1,   /* out of memory */
	TK_E_SYS = -2,     /* a system call failed; the text has strerror */
	TK_E_PARSE = -3,   /* text is not of its grammar */
	TK_E_RANGE = -4,   /* a number or a length is out of bounds */
	TK_E_NOENT = -5,   /* no such ring, slot, file */
	TK_E_DENIED = -6,  /* level, mode or owner does not allow it */
	TK_E_BUSY = -7,    /* a lock or a stable copy was not had in time */
	TK_E_LAYOUT = -8,  /* shared memory is not what it should be */
	TK_E_CRYPTO = -9,  /* libcrypto said no */
	TK_E_SIZE = -10,   /* a key of the wrong size */
	TK_E_INUSE = -11,  /* somebody alive is there already */
	TK_E_WEAK = -12,   /* a key that nobody should use */
};

#define TK_ERR_TEXT 640

struct tk_error {
	int code; /* enum tk_err */
	char text[TK_ERR_TEXT];
};

/* Fills *e (which may be NULL: then nothing is written) and returns code.
 * A text that does not fit is cut at the end. */
int tk_err_set(struct tk_error *e, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
