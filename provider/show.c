/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show.c - owns the layout of what is shown.  Changes nothing.
 */
#include "provider/show.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "core/b64.h"
#include "core/commands.h"
#include "provider/clock.h"
#include "provider/counters.h"
#include "provider/events.h"
#include "provider/ops.h"
#include "provider/save.h"

void tk_show_rings(const struct tk_instance *inst, struct tk_reply *out)
{
	tk_reply_addf(out, "# id (file)\n");
	for (unsigned i = 0; i < inst->conf->ring_count; i++)
		tk_reply_addf(out, "%u (%s)\n", i, inst->conf->rings[i].name);
}

/* A slot's number; returns how many digits it has. */
static size_t put_slot(unsigned slot, char out[static 2])
{
	out[0] = (char)('0' + slot / 10);
	out[slot >= 10] = (char)('0' + slot % 10);
	return slot >= 10 ? 2 : 1;
}

/* Lines are put together by hand: of many rings, printf is most of the time. */
static int secrets_of(const struct tk_instance *inst, unsigned id, struct tk_reply *out)
{
	char line[24 + TK_B64_ENC_LEN(TK_KEY_LEN_MAX) + 1];
	size_t front = (size_t)snprintf(line, sizeof(line), "%u.", id), at;
	struct tk_ring ring;
	int rc = tk_vault_read(inst->vault, id, &ring);

	if (rc != 0)
		return rc;
	tk_reply_addf(out, "# %u (%s)\n", id, inst->conf->rings[id].name);
	for (unsigned s = 0; s < ring.slots; s++) {
		at = front + put_slot(s, line + front);
		line[at++] = ' ';
		tk_b64_encode(ring.key[s].bytes, ring.key_len, line + at);
		at += TK_B64_ENC_LEN(ring.key_len);
		line[at++] = '\n';
		tk_reply_addn(out, line, at);
	}
	explicit_bzero(line, sizeof(line));
	tk_ring_wipe(&ring);
	return 0;
}

void tk_show_secrets(const struct tk_instance *inst, unsigned from, unsigned to,
		     struct tk_reply *out)
{
	int rc = 0;

	tk_reply_addf(out, "# id secret\n");
	for (; from < to && rc == 0; from++)
		rc = secrets_of(inst, from, out);
	if (rc != 0)
		tk_reply_msg(out, TK_SEV_ERR, "'show tls-keys' failed: %s.", tk_ops_reason(rc));
}

/* ---- the audit table ---- */

static void add_name(const uint8_t name[static TK_NAME_LEN], struct tk_reply *out)
{
	static const uint8_t none[TK_NAME_LEN];
	char hex[TK_NAME_HEX + 1];

	tk_key_name_hex(name, hex);
	tk_reply_addf(out, "%s\t", memcmp(name, none, TK_NAME_LEN) != 0 ? hex : "-");
}

static void add_by(const struct tk_origin *o, struct tk_reply *out)
{
	static const char *const by[] = {
		[TK_BY_START] = "start", [TK_BY_FILE] = "file", [TK_BY_TIMER] = "timer"
	};

	if (o->by == TK_BY_UID)
		tk_reply_addf(out, "uid:%u\t", o->uid);
	else
		tk_reply_addf(out, "%s\t", by[o->by]);
}

static void slot_of(const struct tk_instance *inst, unsigned id, const struct tk_ring *ring,
		    unsigned slot, struct tk_reply *out)
{
	static const char *const role[] = { "decrypt", "encrypt", "next" };
	struct tk_origin o;
	struct tk_counts c;

	tk_ringstate_origin(inst->board, id, ring->cell[slot], &o);
	tk_counters_read(inst->board, id, ring->cell[slot], &c);
	tk_reply_addf(out, "%u\t%u\t%s\t", id, slot, role[tk_ring_role(ring->slots, slot)]);
	add_name(tk_key_name(&ring->key[slot]), out);
	tk_reply_addf(out, "%zu\t%lld\t", tk_key_part_len(&ring->key[slot]) * 8,
		      (long long)o.added);
	add_by(&o, out);
	for (unsigned i = 0; i < TK_COUNTERS; i++)
		tk_reply_addf(out, "%llu\t", (unsigned long long)c.n[i]);
	tk_reply_addf(out, "%lld\n", (long long)c.last_used);
}

static void unknown_of(const struct tk_instance *inst, unsigned id, struct tk_reply *out)
{
	uint8_t name[TK_NAME_LEN];
	uint64_t n = tk_counters_unknown(inst->board, id, name);

	tk_reply_addf(out, "%u\t-\tunknown\t", id);
	add_name(name, out);
	tk_reply_addf(out, "-\t-\t-\t-\t%llu\t-\t-\t-\t-\t-\t-\n", (unsigned long long)n);
}

void tk_show_slots(const struct tk_instance *inst, unsigned from, unsigned to, struct tk_reply *out)
{
	struct tk_ring ring;

	tk_reply_addf(out, "# ring\tslot\trole\tname\tbits\tadded\tby\tissued\tpresented\tresumed\t"
			   "renewed\tforged\texpired\tastray\tlast_used\n");
	for (; from < to; from++) {
		int rc = tk_vault_read(inst->vault, from, &ring);

		if (rc != 0) {
			tk_reply_msg(out, TK_SEV_ERR, "'show tls-key-slots' failed: %s.",
				     tk_ops_reason(rc));
			return;
		}
		for (unsigned slot = 0; slot < ring.slots; slot++)
			slot_of(inst, from, &ring, slot, out);
		unknown_of(inst, from, out);
		tk_ring_wipe(&ring);
	}
}

/* ---- events ---- */

struct listing {
	const struct tk_instance *inst;
	struct tk_reply *out;
};

static void add_event(const struct tk_event *ev, void *arg)
{
	static const char *const result[] = { "ok", "not saved", "failed", "denied" };
	const struct listing *l = arg;
	const struct tk_conf *conf = l->inst->conf;

	tk_reply_addf(l->out, "%lld\t%u\t%u\t%d\t%s\t%s\t", (long long)ev->time, ev->uid, ev->gid,
		      (int)ev->pid, ev->program[0] != '\0' ? ev->program : "-",
		      ev->socket < conf->socket_count ? conf->sockets[ev->socket].path : "-");
	tk_reply_addf(l->out, "%s\t",
		      ev->command < TK_CMD_COUNT	? tk_commands[ev->command].words :
		      ev->command == TK_EVENT_START ? "start" :
						      "timer");
	if (ev->ring < conf->ring_count)
		tk_reply_addf(l->out, "%u\t", ev->ring);
	else
		tk_reply_addf(l->out, "-\t");
	add_name(ev->name, l->out);
	tk_reply_addf(l->out, "%s\n", result[ev->result]);
}

void tk_show_events(const struct tk_instance *inst, unsigned n, struct tk_reply *out)
{
	struct listing l = { .inst = inst, .out = out };

	tk_reply_addf(out, "# time\tuid\tgid\tpid\tprogram\tsocket\tcommand\tring\tname\tresult\n");
	tk_events_each(inst->board, n, add_event, &l);
}

/* ---- the instance ---- */

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

/* The earliest time at which a ring rotates by itself, 0: none does. */
static int64_t next_rotation(const struct tk_instance *inst)
{
	int64_t next = 0;

	for (unsigned i = 0; i < inst->conf->ring_count; i++) {
		int64_t due = tk_ops_due(inst, i);

		if (due != 0 && (next == 0 || due < next))
			next = due;
	}
	return next;
}

void tk_show_info(const struct tk_instance *inst, struct tk_reply *out)
{
	struct totals t = { 0 };
	int64_t last, up = tk_now() - tk_board_created(inst->board);
	uint64_t rotations;

	tk_board_each(inst->board, add_process, &t);
	tk_board_rotations(inst->board, &rotations, &last);
	tk_reply_addf(out, "Name: tkprov\nVersion: %s\nPid: %d\nUid: %u\n", PACKAGE_VERSION,
		      (int)getpid(), getuid());
	tk_reply_addf(out, "Uptime_sec: %lld\nProcess_num: %u\n",
		      up > 0 ? (long long)up : 0, t.processes); /* the clock may have been set back */
	tk_reply_addf(out, "OpenSSL_built: %s\nOpenSSL_running: %s\nVault: %s\n",
		      inst->openssl_built, inst->openssl_running,
		      tk_vault_is_secret(inst->vault) ? "memfd_secret" : "memfd");
	show_certs(inst, out);
	tk_reply_addf(out, "Contexts_hooked: %u\nContexts_left_alone: %u\nRings: %u\n", t.hooked,
		      t.left_alone, inst->conf->ring_count);
	tk_reply_addf(out, "Rotations: %llu\nLast_rotation: %lld\nNext_rotation: %lld\n",
		      (unsigned long long)rotations, (long long)last,
		      (long long)next_rotation(inst));
	tk_reply_addf(out, "Not_saved: %u\n", tk_save_lacking(inst));
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
