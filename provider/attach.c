/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.c - owns the order in which an instance comes to be, and its undoing when a
 * step fails.  Nothing is visible to others before all keys are in the vault.
 */
#include "provider/attach.h"

#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/keystore.h"
#include "common/random.h"
#include "provider/algorithms.h"
#include "provider/clock.h"
#include "provider/conn.h"
#include "provider/control.h"
#include "provider/epoch.h"
#include "provider/fork.h"
#include "provider/heir.h"
#include "provider/join.h"
#include "provider/log.h"
#include "provider/ringstate.h"
#include "provider/signals.h"

enum state { NOT_YET, BUSY, DONE, NOT_US, REFUSE, BUILTIN };

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

/* The base name of /proc/self/exe, early and once: servers overwrite their argv, chroots
 * hide /proc, and the program may be replaced on disk while it runs.  Without /proc, of what was
 * executed. */
static void find_program(char out[static TK_PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	char exe[TK_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	size_t cut = sizeof(deleted) - 1, len = n > 0 ? (size_t)n : 0;
	const char *base, *path = (const char *)getauxval(AT_EXECFN);

	exe[len] = '\0';
	if (len == 0) /* no /proc */
		(void)snprintf(exe, sizeof(exe), "%s", path != NULL ? path : "unknown");
	if (len > cut && strcmp(exe + len - cut, deleted) == 0)
		exe[len - cut] = '\0';
	base = strrchr(exe, '/');
	(void)snprintf(out, TK_PATH_MAX, "%s", base != NULL ? base + 1 : exe);
}

static bool is_for(const struct tk_conf *conf, const char *program)
{
	bool found = conf->program_count == 0;

	for (unsigned i = 0; i < conf->program_count && !found; i++)
		found = strcmp(conf->programs[i], program) == 0;
	return found;
}

static int random_ring(unsigned slots, struct tk_ring *out)
{
	struct tk_key key;
	int rc = 0;

	out->slots = slots;
	out->key_len = TK_KEY_256_LEN;
	for (unsigned i = 0; i < slots && rc == 0; i++) {
		rc = tk_random_key(&key, out->key_len);
		if (rc == 0)
			rc = tk_ring_push(out, &key);
	}
	tk_key_wipe(&key);
	return rc;
}

static int load_ring(struct tk_instance *inst, unsigned id, struct tk_ring *ring,
		     struct tk_origin *o, struct tk_error *e)
{
	const struct tk_conf_ring *conf = &inst->conf->rings[id];
	struct tk_file_id was;
	int rc = tk_keystore_load(conf->file, conf->slots, ring, &was, e);

	if (rc != 0)
		return rc;
	o->by = TK_BY_FILE;
	if (was.mtime_s < o->added)
		o->added = was.mtime_s;
	tk_ringstate_set_file(inst->board, id, tk_ring_sum(ring));
	return 0;
}

static int fill_ring(struct tk_instance *inst, unsigned id, struct tk_error *e)
{
	const struct tk_conf_ring *conf = &inst->conf->rings[id];
	struct tk_origin origin = { .added = tk_now(), .by = TK_BY_START };
	struct tk_ring ring = { .slots = 0 };
	int rc;

	if (conf->file != NULL)
		rc = load_ring(inst, id, &ring, &origin, e);
	else if ((rc = random_ring(conf->slots, &ring)) != 0)
		tk_err_set(e, rc, "no random bytes for ring %s", conf->name);
	for (unsigned i = 0; i < ring.slots && rc == 0; i++)
		tk_ringstate_set_origin(inst->board, id, ring.cell[i], &origin);
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

/* Rings that join later have no more slots than the largest has now. */
static unsigned most_slots(const struct tk_conf *conf)
{
	unsigned most = TK_SLOTS_DEFAULT;

	for (unsigned i = 0; i < conf->ring_count; i++)
		if (conf->rings[i].slots > most)
			most = conf->rings[i].slots;
	return most;
}

static int make_memory(struct tk_instance *inst, struct tk_error *e)
{
	const struct tk_conf *conf = inst->conf;
	unsigned rings = conf->ring_count + TK_SPARE_RINGS, slots = most_slots(conf);
	int rc = tk_board_create(&inst->board, rings, slots, e);

	if (rc == 0)
		rc = tk_vault_create(&inst->vault, conf->vault, rings, slots, e);
	if (rc != 0)
		return rc;
	inst->names = tk_names_new();
	inst->files = calloc(conf->ring_count, sizeof(*inst->files));
	if (inst->names == NULL || inst->files == NULL)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	for (unsigned i = 0; i < conf->ring_count; i++)
		inst->files[i] = TK_FD_NONE;
	return 0;
}

static void ring_soon(void *vault, int ring)
{
	tk_vault_soon(vault, (unsigned)ring);
}

/* What must work before anything is shown to the world. */
static int prepare(struct tk_instance *inst, struct tk_error *e)
{
	int rc;

	if (tk_epoch_init() != 0)
		return tk_err_set(e, TK_E_NOMEM, "out of memory");
	rc = tk_conn_init(e);
	if (rc == 0)
		rc = tk_algorithms_init(e);
	if (rc == 0)
		rc = make_memory(inst, e);
	for (unsigned id = 0; rc == 0 && id < inst->conf->ring_count; id++) {
		rc = fill_ring(inst, id, e);
		if (rc == 0)
			rc = fill_names(inst, id, e);
	}
	if (rc == 0)
		tk_names_soon(inst->names, ring_soon, inst->vault);
	return rc;
}

static void dispose(struct tk_instance *inst)
{
	tk_vault_free(&inst->vault);
	tk_board_free(&inst->board);
	tk_names_free(&inst->names);
	free(inst->files);
	tk_conf_free(&inst->conf);
	free(inst);
}

/* Takes conf over. */
static struct tk_instance *make(struct tk_conf *conf, const char *program, struct tk_error *e)
{
	struct tk_instance *inst = calloc(1, sizeof(*inst));
	struct stat root;

	if (inst == NULL) {
		tk_conf_free(&conf);
		tk_err_set(e, TK_E_NOMEM, "out of memory");
		return NULL;
	}
	inst->conf = conf;
	for (unsigned i = 0; i < TK_SOCKETS_MAX; i++)
		inst->listeners[i] = TK_FD_NONE;
	if (stat("/", &root) == 0) {
		inst->root_dev = root.st_dev;
		inst->root_ino = root.st_ino;
	}
	pthread_mutex_init(&inst->writer, NULL);
	pthread_mutex_init(&inst->memory, NULL);
	memcpy(inst->program, program, strnlen(program, TK_PROGRAM_LEN - 1));
	inst->openssl_built = OPENSSL_VERSION_TEXT;
	inst->openssl_running = OpenSSL_version(OPENSSL_VERSION);
	if (prepare(inst, e) != 0) {
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

static void set_state(enum state to)
{
	atomic_store_explicit(&state, to, memory_order_relaxed);
}

/* Nobody sees the end of a daemon's process but in its log and on its terminal. */
static void give_up(const char *why)
{
	tk_log(LOG_ERR, "%s; the process ends (on_error = \"abort\")", why);
	tk_log_stderr("%s; the process ends (on_error = \"abort\")", why);
	_exit(EXIT_FAILURE);
}

static void fail(enum tk_on_error on_error, const char *why)
{
	switch (on_error) {
	case TK_ON_ERROR_ABORT:
		give_up(why);
		break;
	case TK_ON_ERROR_BUILTIN:
		tk_log(LOG_ERR, "%s; tickets are under OpenSSL's own keys (on_error = \"builtin\")",
		       why);
		set_state(BUILTIN);
		break;
	case TK_ON_ERROR_NO_TICKETS:
		tk_log(LOG_ERR, "%s; no session tickets are issued", why);
		set_state(REFUSE);
		break;
	}
	tk_log_started();
}

/* Without a control thread nobody would answer on the sockets. */
static void begin(struct tk_instance *inst)
{
	const char *path = inst->conf->sockets[0].path;
	bool answers;

	if (inst->conf->control_thread)
		tk_join_listen(inst);
	answers = tk_fd_ok(&inst->listeners[0]);
	tk_heir_files(inst);
	tk_board_register(inst->board, TK_PROC_CREATOR, inst->program);
	tk_instance_set(inst);
	if (tk_control_start(inst, false) != 0) {
		tk_join_leave(inst, true);
		answers = false;
	}
	tk_log(LOG_INFO, "%s: managing the ticket keys of %u ring(s), %s%s", inst->program,
	       inst->conf->ring_count, answers ? "answering at " : "without a socket",
	       answers ? path : "");
	tk_log_started();
	set_state(DONE);
}

/* Takes conf over. */
static void start(struct tk_conf *conf, const char *program)
{
	struct tk_error e = { .code = 0, .text = "" };
	enum tk_on_error on_error = conf->on_error;
	struct tk_instance *inst = make(conf, program, &e);

	if (inst != NULL)
		begin(inst);
	else
		fail(on_error, e.text);
}

/* A program that the file is not for is left alone whatever is wrong with the file. */
static void attach_locked(void)
{
	struct tk_error e = { .code = 0, .text = "" };
	struct tk_conf *conf, *ahead, *said;
	char program[TK_PATH_MAX];

	set_state(BUSY);
	tk_conf_load(&conf, config_path, &ahead, &e);
	said = conf != NULL ? conf : ahead;
	find_program(program);
	if (said != NULL && !is_for(said, program)) {
		tk_conf_free(&said);
		set_state(NOT_US);
		return;
	}
	tk_log_open(said);
	if (conf != NULL)
		start(conf, program);
	else
		fail(said != NULL ? said->on_error : TK_ON_ERROR_NO_TICKETS, e.text);
	tk_conf_free(&ahead);
}

struct tk_instance *tk_attach(void)
{
	struct tk_instance *inst = tk_instance();
	struct tk_signals signals;

	if (inst != NULL || tk_attach_verdict() != TK_ATTACH_FINE)
		return inst;
	tk_fork_watch(forked); /* before the lock: a child must not inherit it taken */
	pthread_mutex_lock(&mutex);
	tk_signals_hold(&signals);
	if (atomic_load_explicit(&state, memory_order_relaxed) == NOT_YET)
		attach_locked();
	tk_signals_release(&signals);
	pthread_mutex_unlock(&mutex);
	return tk_instance();
}

enum tk_attach_verdict tk_attach_verdict(void)
{
	switch (atomic_load_explicit(&state, memory_order_relaxed)) {
	case NOT_US:
		return TK_ATTACH_NOT_US;
	case REFUSE:
		return TK_ATTACH_REFUSE;
	case BUILTIN:
		return TK_ATTACH_BUILTIN;
	default:
		return TK_ATTACH_FINE;
	}
}
