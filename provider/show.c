/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.c - owns the layout of what is shown.  Changes nothing.
 */
#include "provider/show.h"

#include <string.h>
#include <unistd.h>

#include "config.h"
#include "core/b64.h"
#include "provider/ops.h"
#include "provider/rand.h"

void tk_show_rings(const struct tk_instance *inst, struct tk_reply *out)
{
	tk_reply_addf(out, "# id (file)\n");
	for (unsigned i = 0; i < inst->conf->ring_count; i++)
		tk_reply_addf(out, "%u (%s)\n", i, inst->conf->rings[i].name);
}

static int secrets_of(const struct tk_instance *inst, unsigned id, struct tk_reply *out)
{
	char text[TK_B64_ENC_LEN(TK_KEY_LEN_MAX) + 1];
	struct tk_ring ring;
	int rc = tk_vault_read(inst->vault, id, &ring);

	if (rc != 0)
		return rc;
	tk_reply_addf(out, "# %u (%s)\n", id, inst->conf->rings[id].name);
	for (unsigned s = 0; s < ring.slots; s++) {
		tk_b64_encode(ring.key[s].bytes, ring.key_len, text);
		tk_reply_addf(out, "%u.%u ", id, s);
		tk_reply_addn(out, text, strlen(text));
		tk_reply_addn(out, "\n", 1);
	}
	explicit_bzero(text, sizeof(text));
	tk_ring_wipe(&ring);
	return 0;
}

void tk_show_secrets(const struct tk_instance *inst, int ring, struct tk_reply *out)
{
	unsigned from = ring == TK_NO_RING ? 0 : (unsigned)ring;
	unsigned to = ring == TK_NO_RING ? inst->conf->ring_count : from + 1;
	int rc = 0;

	tk_reply_addf(out, "# id secret\n");
	for (; from < to && rc == 0; from++)
		rc = secrets_of(inst, from, out);
	if (rc != 0)
		tk_reply_msg(out, TK_SEV_ERR, "'show tls-keys' failed: %s.", tk_ops_reason(rc));
}

struct totals {
	unsigned processes, hooked, left_alone;
};

/* Forked processes inherit contexts, so the largest number is the server's. */
static bool add_process(const struct tk_process *p, void *arg)
{
	struct totals *t = arg;

	t->processes++;
	if (p->contexts_hooked > t->hooked)
		t->hooked = p->contexts_hooked;
	if (p->contexts_left_alone > t->left_alone)
		t->left_alone = p->contexts_left_alone;
	return true;
}

static void show_certs(const struct tk_instance *inst, struct tk_reply *out)
{
	char program[TK_PROGRAM_LEN];
	pid_t pid;

	if (tk_board_certs_witness(inst->board, &pid, program))
		tk_reply_addf(out, "Client_certs: %s (pid %d)\n", program, (int)pid);
	else
		tk_reply_addf(out, "Client_certs: no\n");
}

void tk_show_info(const struct tk_instance *inst, struct tk_reply *out)
{
	struct totals t = { 0 };
	uint64_t rotations;
	int64_t last;

	tk_board_each(inst->board, add_process, &t);
	tk_board_rotations(inst->board, &rotations, &last);
	tk_reply_addf(out, "Name: tkprov\nVersion: %s\nPid: %d\nUid: %u\n", PACKAGE_VERSION,
		      (int)getpid(), getuid());
	tk_reply_addf(out, "Uptime_sec: %lld\nProcess_num: %u\n",
		      (long long)(tk_now() - tk_board_created(inst->board)), t.processes);
	tk_reply_addf(out, "OpenSSL_built: %s\nOpenSSL_running: %s\nVault: memfd\n",
		      inst->openssl_built, inst->openssl_running);
	show_certs(inst, out);
	tk_reply_addf(out, "Contexts_hooked: %u\nContexts_left_alone: %u\nRings: %u\n", t.hooked,
		      t.left_alone, inst->conf->ring_count);
	tk_reply_addf(out, "Rotations: %llu\nLast_rotation: %lld\n", (unsigned long long)rotations,
		      (long long)last);
}

static bool show_process(const struct tk_process *p, void *arg)
{
	static const char *const role[] = { "creator", "forked", "joined" };

	tk_reply_addf(arg, "%d\t%u\t%u\t%s\t%lld\t%s\n", (int)p->pid, p->uid, p->euid, p->program,
		      (long long)p->started, role[p->role]);
	return true;
}

void tk_show_processes(const struct tk_instance *inst, struct tk_reply *out)
{
	tk_reply_addf(out, "# pid\tuid\teuid\tprogram\tstarted\trole\n");
	tk_board_each(inst->board, show_process, out);
}
