/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names.h - from a TLS server name (SNI) to a ring.
 *
 * An exact name wins over the longest `*.` suffix (any depth: `*.a.b` fits
 * `x.a.b` and `y.x.a.b`, not `a.b`), that over the ring without names.  Case and
 * one trailing dot do not matter.  A look-up costs one hash probe a label,
 * however many names there are, and allocates nothing.
 *
 * Threads: add before the first look-up; then any number of readers.
 */
#ifndef TK_NAMES_H
#define TK_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "tkprov/err.h"

#define TK_NO_RING (-1)

struct tk_names;

struct tk_names *tk_names_new(void); /* NULL: out of memory */
void tk_names_free(struct tk_names **names);

/* Adds `host` or `*.host` for a ring (0 and up).  TK_E_PARSE: not a server name
 * (empty, a label empty or over 63 bytes, over 253 bytes, `*` elsewhere,
 * characters other than letters, digits, `-`, `_`, `.`);
 * TK_E_INUSE: the name has a ring already; *other then is that ring. */
int tk_names_add(struct tk_names *names, const char *name, int ring, int *other);

/* The ring for connections that no name fits, and for those without SNI.
 * TK_E_INUSE if there is one. */
int tk_names_set_default(struct tk_names *names, int ring, int *other);

/* `soon` is called within a look-up once a ring is likely to be what it finds, before memory has
 * said so: to fetch what will be wanted of it. */
void tk_names_soon(struct tk_names *names, void (*soon)(void *arg, int ring), void *arg);

/* The ring for a server name as sent (not NUL-terminated; NULL with 0: none
 * sent), or TK_NO_RING.  Never fails otherwise, whatever the bytes are. */
int tk_names_lookup(const struct tk_names *names, const char *sni, size_t len);

/* Reads the raw body of a ClientHello's server_name extension (RFC 6066 section
 * 3).  Sets *name and *len (into ext) to the first host_name.
 * TK_E_PARSE: malformed, or none in it; then *name is NULL and *len 0. */
int tk_names_from_ext(const uint8_t *ext, size_t ext_len, const char **name, size_t *len);

#endif
