/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings.c - owns the form of a finding.  Knows nothing of what is looked at.
 */
#include "ctl/findings.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const char *kind, const char *fmt, va_list ap)
{
	fprintf(stderr, "tkctl: %s: ", kind);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

void tk_findings_error(struct tk_findings *f, const char *fmt, ...)
{
	va_list ap;

	f->errors++;
	va_start(ap, fmt);
	say("error", fmt, ap);
	va_end(ap);
}

void tk_findings_warning(struct tk_findings *f, const char *fmt, ...)
{
	va_list ap;

	f->warnings++;
	va_start(ap, fmt);
	say("warning", fmt, ap);
	va_end(ap);
}

void tk_findings_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("note", fmt, ap);
	va_end(ap);
}
