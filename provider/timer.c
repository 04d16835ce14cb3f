/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timer.c - owns rotation by itself and the watch over keys' age.  A ring's due time is its
 * newest key's time and its period, so it outlives restarts, and a rotation by hand
 * moves it on.
 */
#include "provider/timer.h"

#include "provider/clock.h"
#include "provider/log.h"
#include "provider/ops.h"
#include "provider/save.h"

#define TRY_AGAIN_S 5
#define PASSING_S 10

static int rotate(struct tk_instance *inst, unsigned ring)
{
	struct tk_changed c;
	struct tk_error e;
	char hex[TK_NAME_HEX + 1];
	int rc = tk_ops_rotate_due(inst, ring, false, &c);

	if (rc == TK_E_NOENT)
		return 0; /* somebody else was first */
	if (rc != 0) {
		tk_log(LOG_ERR, "ring %u (%s): not rotated though it is time: %s", ring,
		       inst->conf->rings[ring].name, tk_ops_reason(rc));
		tk_ops_record(inst, ring, TK_EVENT_TIMER, NULL, TK_EVENT_FAILED);
		return rc;
	}
	rc = tk_save_ring(inst, ring, false, &e);
	tk_key_name_hex(c.newest, hex);
	if (tk_ops_theirs(inst, ring))
		tk_log(LOG_WARNING, "ring %u (%s): key rotated, newest is %s, by the timer; not saved, "
				    "for another instance has the socket, but has not rotated the file "
				    "in time", ring, inst->conf->rings[ring].name, hex);
	else
		tk_log(LOG_NOTICE, "ring %u (%s): key rotated, newest is %s, by the timer", ring,
		       inst->conf->rings[ring].name, hex);
	tk_ops_record(inst, ring, TK_EVENT_TIMER, &c, rc == 0 ? TK_EVENT_OK : TK_EVENT_NOT_SAVED);
	return 0;
}

static void watch_age(struct tk_instance *inst, unsigned ring, int64_t since)
{
	if (!tk_ringstate_warn(inst->board, ring, since))
		return;
	tk_log(LOG_WARNING,
	       "ring %u (%s): the same key has encrypted for more than max_key_age (%lld s)%s", ring,
	       inst->conf->rings[ring].name, (long long)inst->conf->max_key_age,
	       inst->conf->stop_issuing ? "; no more tickets are issued until it is rotated" : "");
}

/* Beside a live instance, and perhaps for a moment only (nginx -t): that one warns. */
static bool is_passing(const struct tk_instance *inst, unsigned ring, int64_t now)
{
	return tk_ops_theirs(inst, ring) && now < tk_board_created(inst->board) + PASSING_S;
}

/* When to look at this ring again. */
static int64_t run_ring(struct tk_instance *inst, unsigned ring, int64_t now, bool late)
{
	int64_t due = tk_ops_due(inst, ring), old, next;

	if (due != 0 && now >= due + late && !tk_instance_lost(inst)) {
		if (rotate(inst, ring) != 0)
			return now + TRY_AGAIN_S;
		due = tk_ops_due(inst, ring);
	}
	old = tk_ops_since(inst, ring) + inst->conf->max_key_age;
	if (now > old && !is_passing(inst, ring, now))
		watch_age(inst, ring, old - inst->conf->max_key_age);
	next = now > old ? INT64_MAX : old + 1;
	if (due == 0)
		return next;
	if (due + late <= now)
		return now + TRY_AGAIN_S;
	return due + late < next ? due + late : next;
}

int64_t tk_timer_run(struct tk_instance *inst, int64_t now, bool late)
{
	int64_t next = now + TK_TIMER_LONGEST_S;

	for (unsigned i = 0; i < inst->conf->ring_count; i++) {
		int64_t again = run_ring(inst, i, now, late);

		if (again < next)
			next = again;
	}
	return next;
}

void tk_timer_ring(struct tk_instance *inst, unsigned ring)
{
	struct tk_changed c;
	int64_t due = tk_ops_due(inst, ring);

	if (due != 0 && tk_now() >= due)
		(void)tk_ops_rotate_due(inst, ring, true, &c);
}
