/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.c - fills struct tk_error.  Knows no place where messages are printed, and
 * leaves nothing unterminated however long a text gets.
 */
#include "tkprov/err.h"

#include <stdarg.h>
#include <stdio.h>

int tk_err_set(struct tk_error *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	e->code = code;
	va_start(ap, fmt);
	if (vsnprintf(e->text, sizeof(e->text), fmt, ap) < 0)
		e->text[0] = '\0';
	va_end(ap);
	return code;
}
