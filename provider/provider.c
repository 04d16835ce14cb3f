/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider.c - the one exported function, and the little that OpenSSL asks of a
 * provider: its name, version and state.  It offers no algorithm.
 *
 * OSSL_provider_init runs while OpenSSL's configuration is being read, under its once
 * lock: nothing cryptographic, no thread, no socket, no file.  It keeps the parameters
 * and registers the hook; everything else waits for the first server context.
 *
 * Once the hook is registered init must not fail: the module would be unloaded under it.
 */
#include <dlfcn.h>
#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <string.h>

#include "config.h"
#include "provider/attach.h"
#include "provider/hook.h"
#include "provider/log.h"

static const OSSL_PARAM *gettable_params(void *provctx)
{
	static const OSSL_PARAM table[] = {
		OSSL_PARAM_DEFN(OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, NULL, 0),
		OSSL_PARAM_DEFN(OSSL_PROV_PARAM_VERSION, OSSL_PARAM_UTF8_PTR, NULL, 0),
		OSSL_PARAM_DEFN(OSSL_PROV_PARAM_BUILDINFO, OSSL_PARAM_UTF8_PTR, NULL, 0),
		OSSL_PARAM_DEFN(OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, NULL, 0),
		OSSL_PARAM_END
	};

	(void)provctx;
	return table;
}

static int set_text(OSSL_PARAM params[], const char *key, const char *text)
{
	OSSL_PARAM *p = OSSL_PARAM_locate(params, key);

	return p == NULL || OSSL_PARAM_set_utf8_ptr(p, text);
}

static int get_params(void *provctx, OSSL_PARAM params[])
{
	OSSL_PARAM *status = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);

	(void)provctx;
	return set_text(params, OSSL_PROV_PARAM_NAME, "tkprov: TLS session-ticket keys") &&
	       set_text(params, OSSL_PROV_PARAM_VERSION, PACKAGE_VERSION) &&
	       set_text(params, OSSL_PROV_PARAM_BUILDINFO, PACKAGE_STRING) &&
	       (status == NULL || OSSL_PARAM_set_int(status, tk_attach_verdict() == TK_ATTACH_FINE));
}

static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_cache)
{
	(void)provctx, (void)operation;
	*no_cache = 0;
	return NULL;
}

static void teardown(void *provctx)
{
	(void)provctx; /* the hook and the threads outlive every unloading */
}

static const OSSL_DISPATCH functions[] = {
	{ OSSL_FUNC_PROVIDER_TEARDOWN, (void (*)(void))teardown },
	{ OSSL_FUNC_PROVIDER_GETTABLE_PARAMS, (void (*)(void))gettable_params },
	{ OSSL_FUNC_PROVIDER_GET_PARAMS, (void (*)(void))get_params },
	{ OSSL_FUNC_PROVIDER_QUERY_OPERATION, (void (*)(void))query_operation },
	{ 0, NULL }
};

static OSSL_FUNC_core_get_params_fn *core_get_params(const OSSL_DISPATCH *in)
{
	for (; in->function_id != 0; in++)
		if (in->function_id == OSSL_FUNC_CORE_GET_PARAMS)
			return OSSL_FUNC_core_get_params(in);
	return NULL;
}

/* A module that is linked with another libcrypto than the process runs on would bring
 * that one in beside it and hook contexts that nobody makes. */
static int same_libcrypto(OSSL_FUNC_core_get_params_fn *core)
{
	Dl_info theirs, ours;

	return dladdr((void *)(uintptr_t)core, &theirs) == 0 ||
	       dladdr((void *)(uintptr_t)CRYPTO_get_ex_new_index, &ours) == 0 ||
	       theirs.dli_fbase == ours.dli_fbase;
}

static const char *config_param(const OSSL_CORE_HANDLE *handle, OSSL_FUNC_core_get_params_fn *core)
{
	char *config = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_ptr((char *)"config", &config, 0),
		OSSL_PARAM_END,
	};

	return core(handle, params) == 1 ? config : NULL;
}

__attribute__((visibility("default"))) int OSSL_provider_init(const OSSL_CORE_HANDLE *handle,
							     const OSSL_DISPATCH *in,
							     const OSSL_DISPATCH **out, void **provctx)
{
	OSSL_FUNC_core_get_params_fn *core = core_get_params(in);
	struct tk_error e;

	if (core == NULL)
		return 0;
	if (!same_libcrypto(core)) {
		tk_log(LOG_ERR, "this module was built for another OpenSSL than the one of this "
				"process: ticket keys are not managed");
		return 0;
	}
	if (tk_attach_config(config_param(handle, core)) != 0)
		return 0;
	if (tk_hook_register(&e) != 0) {
		tk_log(LOG_ERR, "%s", e.text);
		return 0;
	}
	*out = functions;
	*provctx = (void *)(uintptr_t)handle;
	return 1;
}
