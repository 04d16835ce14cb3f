/* SPDX-License-Identifier: Apache-2.0 */
/*
 * check_module.h - can this file be loaded as a provider?
 */
#ifndef TK_CHECK_MODULE_H
#define TK_CHECK_MODULE_H

#include "tkprov/err.h"

/* True if `path` is there, can be read, is linked with the libcrypto that this process
 * runs on, loads, and has a provider's entry point, which is not called.  It is loaded (its
 * constructors run) only if the steps before went well.
 * Returns 0, TK_E_NOENT, TK_E_SYS, TK_E_PARSE (cut off), or TK_E_CRYPTO (another libcrypto,
 * or no provider); the message is the bare reason. */
int tk_check_module(const char *path, struct tk_error *e);

#endif
