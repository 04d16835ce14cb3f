/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths.c - default places.  Makes names only; touches no file.
 */
#include "common/paths.h"

#include <stdio.h>
#include <string.h>

#include "tkprov/err.h"

int tk_path_instance_socket(const char *name, char *out, size_t cap)
{
	int n;

	if (!*name || strchr(name, '/'))
		return TK_E_RANGE;
	n = snprintf(out, cap, "%s/%s.sock", TK_RUN_DIR, name);
	return n < 0 || (size_t)n >= cap ? TK_E_RANGE : 0;
}
