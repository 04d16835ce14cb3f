/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.c - owns the order in which an instance comes to be, and its undoing when a
 * step fails.  Nothing is visible to others before all keys are in the vault.
 */
#include "provider/attach.h"

#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/keystore.h"
#include "provider/conn.h"
#include "provider/control.h"
#include "provider/epoch.h"
#include "provider/fork.h"
#include "provider/join.h"
#include "provider/log.h"
#include "provider/rand.h"
#include "provider/ticket.h"

enum state { NOT_YET, BUSY, DONE, FAILED };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic enum state state = NOT_YET; /* written under mutex */
static char *config_path;

int tk_attach_config(const char *path)
{
	int rc = 0;

	pthread_mutex_lock(&mutex);
	if (config_path == NULL && path != NULL) {
		config_path = strdup(path);
		rc = config_path == NULL ? TK_E_NOMEM : 0;
	}
	pthread_mutex_unlock(&mutex);
	return rc;
}

/* Early and once: servers overwrite their argv, chroots hide /proc. */
static void find_program(char out[static TK_PROGRAM_LEN])
{
	char exe[TK_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	const char *base;

	exe[n > 0 ? n : 0] = '\0';
	base = strrchr(exe, '/');
	base = base != NULL ? base + 1 : "unknown";
	memset(out, 0, TK_PROGRAM_LEN);
	memcpy(out, base, strnlen(base, TK_PROGRAM_LEN - 1));
}

static int random_ring(unsigned slots, struct tk_ring *out)
{
	int rc = 0;

	out->slots = slots;
	out->key_len = TK_KEY_256_LEN;
	for (unsigned i = 0; i < slots && rc == 0; i++)
		rc = tk_random_key(&out->key[i], out->key_len);
	return rc;
}

static int fill_ring(struct tk_instance *inst, unsigned id, struct tk_error *e)
{
	const struct tk_conf_ring *conf = &inst->conf->rings[id];
	struct tk_ring ring = { .slots = 0 };
	int rc;

	if (conf->file != NULL)
		rc = tk_keystore_load(conf->file, conf->slots, &ring, NULL, e);
	else if ((rc = random_ring(conf->slots, &ring)) != 0)
		tk_err_set(e, rc, "no random bytes for ring %s", conf->name);
	if (rc == 0)
		tk_vault_init(inst->vault, id, &ring);
	tk_ring_wipe(&ring);
	return rc;
}

static int fill_names(struct tk_instance *inst, unsigned id, struct tk_error *e)
{
	const struct tk_conf_ring *conf = &inst->conf->rings[id];
	int other, rc = 0;

	if (conf->server_name_count == 0)
		rc = tk_names_set_default(inst->names, (int)id, &other);
	for (unsigned i = 0; i < conf->server_name_count && rc == 0; i++)
		rc = tk_names_add(inst->names, conf->server_names[i], (int)id, &other);
	return rc == 0 ? 0 : tk_err_set(e, rc, "the server names of ring %s", conf->name);
}

static int fill_rings(struct tk_instance *inst, struct tk_error *e)
{
	int rc = tk_vault_create(&inst->vault, inst->conf->ring_count + TK_SPARE_RINGS, e);

	inst->names = tk_names_new();
	if (rc == 0 && inst->names == NULL)
		rc = tk_err_set(e, TK_E_NOMEM, "out of memory");
	for (unsigned id = 0; id < inst->conf->ring_count && rc == 0; id++) {
		rc = fill_ring(inst, id, e);
		if (rc == 0)
			rc = fill_names(inst, id, e);
	}
	return rc;
}

/* What must work before anything is shown to the world. */
static int prepare(struct tk_instance *inst, struct tk_error *e)
{
	int rc = tk_conf_load(&inst->conf, config_path, NULL, e);

	if (rc != 0)
		return rc;
	tk_log_open(inst->conf);
	if (tk_epoch_init() != 0)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	rc = tk_conn_init(e);
	if (rc == 0)
		rc = tk_ticket_init(e);
	if (rc == 0)
		rc = tk_board_create(&inst->board, e);
	if (rc == 0)
		rc = fill_rings(inst, e);
	return rc;
}

static void dispose(struct tk_instance *inst)
{
	tk_vault_free(&inst->vault);
	tk_board_free(&inst->board);
	tk_names_free(&inst->names);
	tk_conf_free(&inst->conf);
	free(inst);
}

static struct tk_instance *make(struct tk_error *e)
{
	struct tk_instance *inst = calloc(1, sizeof(*inst));
	int rc;

	if (inst == NULL) {
		tk_err_set(e, TK_E_NOMEM, "out of memory");
		return NULL;
	}
	for (unsigned i = 0; i < TK_SOCKETS_MAX; i++)
		inst->listeners[i].num = -1;
	pthread_mutex_init(&inst->writer, NULL);
	pthread_mutex_init(&inst->memory, NULL);
	find_program(inst->program);
	inst->openssl_built = OPENSSL_VERSION_TEXT;
	inst->openssl_running = OpenSSL_version(OPENSSL_VERSION);
	rc = prepare(inst, e);
	if (rc != 0) {
		dispose(inst);
		return NULL;
	}
	return inst;
}

/* In a forked child the lock is nobody's, and half an instance is none. */
static void forked(void)
{
	pthread_mutex_init(&mutex, NULL);
	if (atomic_load_explicit(&state, memory_order_relaxed) == BUSY)
		atomic_store_explicit(&state, NOT_YET, memory_order_relaxed);
}

static void attach_locked(void)
{
	struct tk_error e = { .code = 0, .text = "" };
	struct tk_instance *inst;

	atomic_store_explicit(&state, BUSY, memory_order_relaxed);
	inst = make(&e);
	if (inst == NULL) {
		tk_log(LOG_ERR, "%s; no session tickets are issued", e.text);
		atomic_store_explicit(&state, FAILED, memory_order_relaxed);
		return;
	}
	tk_join_listen(inst);
	tk_board_register(inst->board, TK_PROC_CREATOR, inst->program);
	tk_instance_set(inst);
	tk_fork_watch(forked);
	tk_control_start(inst, false);
	tk_log(LOG_INFO, "%s: managing the ticket keys of %u ring(s), %s%s", inst->program,
	       inst->conf->ring_count, inst->has_socket ? "answering at " : "without a socket",
	       inst->has_socket ? inst->conf->sockets[0].path : "");
	tk_log_started();
	atomic_store_explicit(&state, DONE, memory_order_relaxed);
}

struct tk_instance *tk_attach(void)
{
	struct tk_instance *inst = tk_instance();

	if (inst != NULL || tk_attach_failed())
		return inst;
	pthread_mutex_lock(&mutex);
	if (atomic_load_explicit(&state, memory_order_relaxed) == NOT_YET)
		attach_locked();
	pthread_mutex_unlock(&mutex);
	return tk_instance();
}

bool tk_attach_failed(void)
{
	return atomic_load_explicit(&state, memory_order_relaxed) == FAILED;
}
