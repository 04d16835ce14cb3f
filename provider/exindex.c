/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exindex.c - registers an index with the right library context; owns nothing.
 */
#include "provider/exindex.h"

int tk_exindex_new(int class, CRYPTO_EX_new *new_func, CRYPTO_EX_free *free_func)
{
	OSSL_LIB_CTX *before = OSSL_LIB_CTX_set0_default(OSSL_LIB_CTX_get0_global_default());
	int idx = CRYPTO_get_ex_new_index(class, 0, NULL, new_func, NULL, free_func);

	if (before != NULL)
		OSSL_LIB_CTX_set0_default(before);
	return idx;
}
