/* SPDX-License-Identifier: Apache-2.0 */
/*
 * findings.h - what `tkctl check` finds: said at once on stderr, and counted.
 */
#ifndef TK_FINDINGS_H
#define TK_FINDINGS_H

struct tk_findings {
	unsigned errors;   /* the module is not loaded, or not as the files say */
	unsigned warnings; /* it works, but probably not as meant */
};

/* One line each, `tkctl: error: ...`, `tkctl: warning: ...`, and `tkctl: note: ...` for what
 * follows from them.  The text names the file,
 * with the line or the section, and never has key bytes. */
void tk_findings_error(struct tk_findings *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void tk_findings_warning(struct tk_findings *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void tk_findings_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
