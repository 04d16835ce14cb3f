/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - follows construct_stateless_ticket and tls_decrypt_ticket of OpenSSL 3
 * (ssl/statem/statem_srvr.c, ssl/t1_lib.c), without the session's DER, which is the same
 * for both.  HMAC is fetched for each ticket there, whoever sets its key.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* HMAC_CTX, which libssl hands to callbacks of that kind */
#include "bench/server.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "provider/attach.h"
#include "provider/conn.h"
#include "provider/hook.h"
#include "provider/seal.h"

#define NAME_LEN 16
#define IV_LEN 16
#define MAC_LEN 32

/* What an SSL_CTX has in ext.tick_key_name and ext.secure. */
static uint8_t own_name[NAME_LEN] = "a name of theirs";
static uint8_t own_aes[32] = "an AES key of theirs, 32 bytes..";
static uint8_t own_hmac[32] = "an HMAC key of theirs, 32 bytes.";

SSL_CTX *bench_attach(const char *dir, const char *conf)
{
	struct tk_error e;
	char path[4096];
	SSL_CTX *ctx;

	snprintf(path, sizeof(path), "%s/%s", dir, conf);
	BENCH_CHECK(tk_attach_config(path) == 0);
	BENCH_CHECK(tk_hook_register(&e) == 0);
	ctx = SSL_CTX_new(TLS_server_method());
	BENCH_CHECK(ctx != NULL && tk_instance() != NULL);
	snprintf(path, sizeof(path), "%s/server.pem", dir);
	BENCH_CHECK(SSL_CTX_use_certificate_file(ctx, path, SSL_FILETYPE_PEM) == 1);
	snprintf(path, sizeof(path), "%s/server.key", dir);
	BENCH_CHECK(SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1);
	return ctx;
}

/* Two objects with a pipe of memory between them. */
static SSL *pair(SSL_CTX *server_ctx, SSL_CTX *client_ctx, const char *sni, SSL **client)
{
	SSL *s = SSL_new(server_ctx), *c = SSL_new(client_ctx);
	BIO *here, *there;

	BENCH_CHECK(s != NULL && c != NULL && BIO_new_bio_pair(&here, 65536, &there, 65536) == 1);
	SSL_set_bio(s, here, here);
	SSL_set_bio(c, there, there);
	SSL_set_accept_state(s);
	SSL_set_connect_state(c);
	BENCH_CHECK(SSL_set_tlsext_host_name(c, sni) == 1);
	*client = c;
	return s;
}

static int wait_here(SSL *s, int *alert, void *arg)
{
	(void)s, (void)alert, (void)arg;
	return SSL_CLIENT_HELLO_RETRY;
}

SSL *bench_in_hello(SSL_CTX *ctx, const char *sni)
{
	SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
	SSL *client, *s = pair(ctx, client_ctx, sni, &client);

	SSL_CTX_set_client_hello_cb(ctx, wait_here, NULL);
	BENCH_CHECK(SSL_do_handshake(client) == -1);
	BENCH_CHECK(SSL_do_handshake(s) == -1);
	BENCH_CHECK(SSL_get_error(s, -1) == SSL_ERROR_WANT_CLIENT_HELLO_CB);
	SSL_CTX_set_client_hello_cb(ctx, NULL, NULL);
	SSL_CTX_free(client_ctx);
	return s;
}

char *bench_hello_name(SSL *s)
{
	const char *name;
	size_t len;

	tk_conn_hello_name(s, &name, &len);
	BENCH_CHECK(name != NULL);
	return (char *)(uintptr_t)name;
}

SSL *bench_handshake(SSL_CTX *server_ctx, SSL_CTX *client_ctx, const char *sni,
		     SSL_SESSION *session, SSL **client)
{
	SSL *s = pair(server_ctx, client_ctx, sni, client);
	int here = 0, there = 0;

	if (session != NULL)
		BENCH_CHECK(SSL_set_session(*client, session) == 1);
	for (unsigned i = 0; i < 10 && (here != 1 || there != 1); i++) {
		there = SSL_do_handshake(*client);
		here = SSL_do_handshake(s);
	}
	BENCH_CHECK(here == 1 && there == 1);
	return s;
}

SSL *bench_served(SSL_CTX *ctx, const char *sni)
{
	SSL_CTX *client_ctx = SSL_CTX_new(TLS_client_method());
	SSL *client, *s = bench_handshake(ctx, client_ctx, sni, NULL, &client);

	SSL_CTX_free(client_ctx);
	return s;
}

/* As libssl has it: an HMAC of the kind that goes with the callback. */
struct work {
	EVP_CIPHER_CTX *cctx;
	EVP_MAC_CTX *evp;
	HMAC_CTX *hmac;
};

static struct work work_evp(void)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	struct work w = { .cctx = EVP_CIPHER_CTX_new(), .evp = EVP_MAC_CTX_new(mac) };

	EVP_MAC_free(mac);
	BENCH_CHECK(w.cctx != NULL && w.evp != NULL);
	return w;
}

static struct work work_hmac(void)
{
	struct work w = { .cctx = EVP_CIPHER_CTX_new(), .hmac = HMAC_CTX_new() };

	BENCH_CHECK(w.cctx != NULL && w.hmac != NULL);
	return w;
}

static void work_free(struct work *w)
{
	EVP_CIPHER_CTX_free(w->cctx);
	EVP_MAC_CTX_free(w->evp);
	HMAC_CTX_free(w->hmac);
}

static size_t work_mac(const struct work *w, const uint8_t *data, size_t len, uint8_t *mac)
{
	unsigned old_len = 0;
	size_t mac_len = 0;

	if (w->hmac != NULL) {
		BENCH_CHECK(HMAC_size(w->hmac) == MAC_LEN);
		BENCH_CHECK(HMAC_Update(w->hmac, data, len) == 1);
		BENCH_CHECK(HMAC_Final(w->hmac, mac, &old_len) == 1);
		return old_len;
	}
	BENCH_CHECK(EVP_MAC_CTX_get_mac_size(w->evp) == MAC_LEN);
	BENCH_CHECK(EVP_MAC_update(w->evp, data, len) == 1);
	BENCH_CHECK(EVP_MAC_final(w->evp, mac, &mac_len, MAC_LEN) == 1);
	return mac_len;
}

static int own_mac_init(EVP_MAC_CTX *hctx)
{
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_init(hctx, own_hmac, sizeof(own_hmac), params);
}

static int own_init(const struct work *w, const uint8_t *iv, int enc)
{
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	int ok = cipher != NULL &&
		 EVP_CipherInit_ex(w->cctx, cipher, NULL, own_aes, iv, enc) == 1 &&
		 own_mac_init(w->evp) == 1;

	EVP_CIPHER_free(cipher);
	return ok;
}

static void finish_seal(struct work *w, struct bench_ticket *t)
{
	static const uint8_t session[BENCH_SESSION_LEN];
	uint8_t *to = t->bytes + NAME_LEN + IV_LEN;
	int n, last;

	BENCH_CHECK(EVP_CIPHER_CTX_get_iv_length(w->cctx) == IV_LEN);
	BENCH_CHECK(EVP_EncryptUpdate(w->cctx, to, &n, session, sizeof(session)) == 1);
	BENCH_CHECK(EVP_EncryptFinal(w->cctx, to + n, &last) == 1);
	t->len = NAME_LEN + IV_LEN + (size_t)(n + last);
	t->len += work_mac(w, t->bytes, t->len, t->bytes + t->len);
	work_free(w);
}

/* libssl refuses a ticket whose MAC is wrong.  Here it is decrypted all the same, so that
 * the names of many keys can be tried with one ticket, at the cost of a good one. */
static void finish_open(struct work *w, const struct bench_ticket *t)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	size_t body = t->len - MAC_LEN;
	uint8_t *session = OPENSSL_malloc(t->len);
	int n, last;

	BENCH_CHECK(EVP_CIPHER_CTX_get_iv_length(w->cctx) == IV_LEN);
	BENCH_CHECK(session != NULL && work_mac(w, t->bytes, body, mac) == MAC_LEN);
	(void)CRYPTO_memcmp(mac, t->bytes + body, MAC_LEN);
	BENCH_CHECK(EVP_DecryptUpdate(w->cctx, session, &n, t->bytes + NAME_LEN + IV_LEN,
				      (int)(body - NAME_LEN - IV_LEN)) == 1);
	(void)EVP_CIPHER_CTX_set_padding(w->cctx, 0);
	(void)EVP_DecryptFinal(w->cctx, session + n, &last);
	OPENSSL_free(session);
	work_free(w);
}

/* What gen does for seal, and to the context that threads share. */
static void announce(SSL *s, const struct tk_context *c, bool takes_hmac)
{
	const struct tk_announced what = { .context = c->id, .tagged = true };
	SSL_CTX *ctx = SSL_get_SSL_CTX(s);

	SSL_CTX_set_tlsext_ticket_key_cb(ctx, tk_seal_hmac_callback);
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, takes_hmac ? NULL : tk_seal_evp_callback);
	tk_conn_gen(s, &what);
}

void bench_seal_ours(SSL *s, const struct tk_context *c, struct bench_ticket *t)
{
	struct work w = work_hmac();

	announce(s, c, true);
	BENCH_CHECK(tk_seal_hmac_callback(s, t->bytes, t->bytes + NAME_LEN, w.cctx, w.hmac, 1) == 1);
	finish_seal(&w, t);
}

void bench_seal_evp(SSL *s, const struct tk_context *c, struct bench_ticket *t)
{
	struct work w = work_evp();

	announce(s, c, false);
	BENCH_CHECK(tk_seal_evp_callback(s, t->bytes, t->bytes + NAME_LEN, w.cctx, w.evp, 1) == 1);
	finish_seal(&w, t);
}

void bench_seal_theirs(struct bench_ticket *t)
{
	struct work w = work_evp();

	BENCH_CHECK(RAND_bytes_ex(NULL, t->bytes + NAME_LEN, IV_LEN, 0) == 1);
	BENCH_CHECK(own_init(&w, t->bytes + NAME_LEN, 1));
	memcpy(t->bytes, own_name, NAME_LEN);
	finish_seal(&w, t);
}

static int finish_if(int rc, struct work *w, const struct bench_ticket *t)
{
	if (rc > 0)
		finish_open(w, t);
	else
		work_free(w);
	return rc;
}

int bench_open_ours(SSL *s, const struct bench_ticket *t)
{
	struct work w = work_hmac();
	uint8_t *name = (uint8_t *)(uintptr_t)t->bytes;

	return finish_if(tk_seal_hmac_callback(s, name, name + NAME_LEN, w.cctx, w.hmac, 0), &w, t);
}

int bench_open_evp(SSL *s, const struct bench_ticket *t)
{
	struct work w = work_evp();
	uint8_t *name = (uint8_t *)(uintptr_t)t->bytes;

	return finish_if(tk_seal_evp_callback(s, name, name + NAME_LEN, w.cctx, w.evp, 0), &w, t);
}

int bench_open_theirs(const struct bench_ticket *t)
{
	struct work w = work_evp();

	BENCH_CHECK(memcmp(t->bytes, own_name, NAME_LEN) == 0);
	BENCH_CHECK(own_init(&w, t->bytes + NAME_LEN, 0));
	finish_open(&w, t);
	return 1;
}
