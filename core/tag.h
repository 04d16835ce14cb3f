/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tag.h - what a ticket is bound to besides its key, and the verdict on one that
 * comes back.  The tag travels inside the session as application data, under the
 * ticket's MAC, so it can be believed.
 *
 * The rule: where client certificates are in play a ticket stays in its SSL_CTX,
 * as with OpenSSL's own keys; elsewhere it may go wherever the ring goes, bound
 * to its site (CVE-2025-23419, CVE-2025-23048; WWW 2015 "virtual host confusion").
 *
 * Pure: clock and facts are arguments.
 */
#ifndef TK_TAG_H
#define TK_TAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TK_SITE_LEN 16
#define TK_TAG_LEN 38 /* "tkpv", version, flags, site, context id, born (big endian) */

enum tk_scope { TK_SCOPE_AUTO, TK_SCOPE_CONTEXT, TK_SCOPE_SHARED };

struct tk_tag {
	uint8_t site[TK_SITE_LEN]; /* truncated SHA-256, see provider/scope.c */
	uint64_t context;          /* id of the SSL_CTX the connection began with */
	bool verifies;             /* the full handshake's connection asked for a client certificate */
	int64_t born;              /* time of the full handshake, seconds since the epoch */
};

/* What is known of the connection that presents a ticket. */
struct tk_scene {
	enum tk_scope scope;       /* of the ring whose key opened it */
	uint8_t site[TK_SITE_LEN];
	uint64_t context;
	bool certs_in_play;        /* anything but the tag says that client certificates are */
	int64_t now;               /* seconds since the epoch */
	int64_t max_age;           /* seconds; a session older than this is over */
};

enum tk_verdict {
	TK_VERDICT_GOOD,
	TK_VERDICT_NO_TAG,   /* none, or not one of ours */
	TK_VERDICT_SITE,     /* made for another site */
	TK_VERDICT_AGE,      /* too old, or from a future further off than max_age */
	TK_VERDICT_CONTEXT,  /* client certificates are in play and it is another SSL_CTX's */
};

void tk_tag_put(const struct tk_tag *tag, uint8_t out[static TK_TAG_LEN]);

/* TK_E_PARSE unless data is exactly a tag of a version that we know. */
int tk_tag_get(struct tk_tag *tag, const uint8_t *data, size_t len);

/* tag: NULL if the session has none.  Under TK_SCOPE_SHARED everything is good. */
enum tk_verdict tk_tag_judge(const struct tk_tag *tag, const struct tk_scene *scene);

#endif
