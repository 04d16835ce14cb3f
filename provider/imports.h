/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imports.h - does anything loaded in this process, the module apart, import a
 * function?  libssl has no getter for ticket callbacks, but a program can only set
 * them by importing the setter.
 */
#ifndef TK_IMPORTS_H
#define TK_IMPORTS_H

#include <stdbool.h>

/* Who imports this can put callbacks of its own in place of gen and dec. */
#define TK_CALLBACK_SETTER "SSL_CTX_set_session_ticket_cb"

/* True if `symbol` (one and the same in every call) is an undefined dynamic symbol of a
 * loaded object other than this one, or if an object cannot be read.  Looks again only
 * when objects were loaded since.
 * Threads: any; takes the loader's lock for the moment of looking. */
bool tk_imports(const char *symbol);

#endif
