/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore.c - key files: the way from the disk to core/keyfile.  Knows nothing of the
 * format and keeps no key: the text is wiped before it returns.
 */
#include "common/keystore.h"

#include "common/file.h"
#include "core/keyfile.h"

int tk_keystore_load(const char *file, unsigned slots, struct tk_ring *out, int64_t *mtime,
		     struct tk_error *e)
{
	struct tk_error why;
	struct tk_file text;
	int rc;

	rc = tk_file_read(&text, file, &why);
	if (rc) {
		tk_ring_wipe(out);
		return tk_err_set(e, rc == TK_E_NOMEM ? rc : TK_E_SYS,
				  "'%s' : unable to load ssl tickets keys file (%s)", file,
				  why.text);
	}
	rc = tk_keyfile_parse(text.text, text.len, slots, file, out, e);
	if (!rc && mtime)
		*mtime = text.mtime;
	tk_file_fini(&text);
	return rc;
}
