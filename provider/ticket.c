/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticket.c - owns each thread's pool of IVs.
 *
 * Drawing an IV is the dearest part of a seal, so RAND_bytes fills many at once.  The
 * pool is good for one epoch: a forked child starts its own, so that no two processes
 * ever use the same IV.
 */
#define OPENSSL_SUPPRESS_DEPRECATED /* HMAC_CTX: see ticket.h for what it is good for */
#include "provider/ticket.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <string.h>

#include "provider/algorithms.h"
#include "provider/epoch.h"

#define POOL_IVS 128

static _Thread_local struct {
	uint64_t epoch;
	unsigned left;
	uint8_t iv[POOL_IVS][TK_IV_LEN];
} pool;

/* Most connections of a server ask for the name that the one before asked for. */
static _Thread_local struct {
	size_t len; /* 0: nothing kept */
	uint8_t of[64], site[TK_SITE_LEN];
} last_site;

#ifdef OPENSSL_NO_DEPRECATED_3_0
static bool has_hmac(void)
{
	return false;
}

static int set_hmac(HMAC_CTX *hmac, const struct tk_key *key)
{
	(void)hmac, (void)key;
	return TK_E_CRYPTO;
}
#else
/* A libcrypto without it must not keep the module from loading. */
#pragma weak HMAC_Init_ex

static bool has_hmac(void)
{
	return HMAC_Init_ex != NULL;
}

static int set_hmac(HMAC_CTX *hmac, const struct tk_key *key)
{
	return HMAC_Init_ex(hmac, tk_key_hmac(key), (int)tk_key_part_len(key),
			    tk_algorithms()->sha256, NULL) == 1 ?
		       0 : TK_E_CRYPTO;
}
#endif

bool tk_ticket_takes_hmac(EVP_MAC_CTX *evp)
{
	const OSSL_PROVIDER *of = EVP_MAC_get0_provider(EVP_MAC_CTX_get0_mac(evp));

	return has_hmac() && strcmp(OSSL_PROVIDER_get0_name(of), "default") == 0;
}

static int next_iv(uint8_t iv[static TK_IV_LEN])
{
	uint64_t epoch = tk_epoch();

	if (pool.epoch != epoch || pool.left == 0) {
		pool.left = 0;
		if (RAND_bytes(pool.iv[0], sizeof(pool.iv)) != 1)
			return TK_E_CRYPTO;
		pool.epoch = epoch;
		pool.left = POOL_IVS;
	}
	memcpy(iv, pool.iv[--pool.left], TK_IV_LEN);
	return 0;
}

static const EVP_CIPHER *cipher_of(const struct tk_key *key)
{
	return tk_key_part_len(key) == 16 ? tk_algorithms()->aes128 : tk_algorithms()->aes256;
}

/* As libssl does for keys of its own: libcrypto goes through each parameter many times. */
static int set_evp(EVP_MAC_CTX *evp, const struct tk_key *key)
{
	static char digest[] = "SHA256";
	OSSL_PARAM params[2];

	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	return EVP_MAC_init(evp, tk_key_hmac(key), tk_key_part_len(key), params) == 1 ?
		       0 : TK_E_CRYPTO;
}

static int set_mac(const struct tk_mac *mac, const struct tk_key *key)
{
	if (mac->hmac != NULL)
		return set_hmac(mac->hmac, key);
	return mac->evp != NULL ? set_evp(mac->evp, key) : TK_E_CRYPTO;
}

int tk_ticket_seal(const struct tk_key *key, uint8_t name[static TK_NAME_LEN],
		   uint8_t iv[static TK_IV_LEN], EVP_CIPHER_CTX *cctx, const struct tk_mac *mac)
{
	int rc = next_iv(iv);

	if (rc != 0)
		return rc;
	if (EVP_EncryptInit_ex2(cctx, cipher_of(key), tk_key_aes(key), iv, NULL) != 1)
		return TK_E_CRYPTO;
	memcpy(name, tk_key_name(key), TK_NAME_LEN);
	return set_mac(mac, key);
}

int tk_ticket_open(const struct tk_key *key, const uint8_t *iv, EVP_CIPHER_CTX *cctx,
		   const struct tk_mac *mac)
{
	if (EVP_DecryptInit_ex2(cctx, cipher_of(key), tk_key_aes(key), iv, NULL) != 1)
		return TK_E_CRYPTO;
	return set_mac(mac, key);
}

int tk_ticket_site(const void *data, size_t len, uint8_t out[static TK_SITE_LEN])
{
	uint8_t md[EVP_MAX_MD_SIZE];

	if (len == 0 || len != last_site.len || memcmp(data, last_site.of, len) != 0) {
		if (EVP_Digest(data, len, md, NULL, tk_algorithms()->sha256, NULL) != 1)
			return TK_E_CRYPTO;
		last_site.len = len <= sizeof(last_site.of) ? len : 0;
		memcpy(last_site.of, data, last_site.len);
		memcpy(last_site.site, md, TK_SITE_LEN);
	}
	memcpy(out, last_site.site, TK_SITE_LEN);
	return 0;
}

int tk_ticket_site_cert(const X509 *cert, uint8_t out[static TK_SITE_LEN])
{
	uint8_t md[EVP_MAX_MD_SIZE];

	if (X509_digest(cert, tk_algorithms()->sha256, md, NULL) != 1)
		return TK_E_CRYPTO;
	memcpy(out, md, TK_SITE_LEN);
	return 0;
}
