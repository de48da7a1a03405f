/* Every row of the tables in courier-agent(8), and who may visit. */
#include <string.h>

#include "device-link/agent/agent_plan.h"
#include "device-link/agent/judge.h"
#include "tests/test.h"

static const struct {
	struct agent_facts facts;
	enum agent_action action;
} rows[] = {
	{{.phase = JOB_NONE}, ACTION_REST},
	{{.phase = JOB_NONE, .due = true}, ACTION_WRITE_RECEIPT},
	{{.phase = JOB_CHECKING, .due = true}, ACTION_WRITE_RECEIPT},

	{{.phase = JOB_RECEIVING}, ACTION_REST},
	{{.phase = JOB_RECEIVING, .carried = true}, ACTION_ASK_GATE},
	{{.phase = JOB_RECEIVING, .carried = true, .gate = GATE_LATER}, ACTION_REST},
	{{.phase = JOB_RECEIVING, .carried = true, .gate = GATE_NOW}, ACTION_OPEN_SPOOL},
	{{.phase = JOB_RECEIVING, .carried = true, .gate = GATE_NOW, .opened = true},
		ACTION_REST},
	{{.phase = JOB_RECEIVING, .whole = true}, ACTION_OPEN_SPOOL},
	{{.phase = JOB_RECEIVING, .whole = true, .opened = true}, ACTION_VERIFY},
	{{.phase = JOB_RECEIVING, .whole = true, .opened = true, .stuck = true}, ACTION_REST},

	/* Metadata first: nothing of the artifact before they direct the device to it. */
	{{.phase = JOB_RECEIVING, .undirected = true}, ACTION_REST},
	{{.phase = JOB_RECEIVING, .undirected = true, .carried = true}, ACTION_ASK_GATE},
	{{.phase = JOB_RECEIVING, .undirected = true, .carried = true, .gate = GATE_LATER},
		ACTION_REST},
	{{.phase = JOB_RECEIVING, .undirected = true, .carried = true, .gate = GATE_NOW},
		ACTION_OPEN_SET},
	{{.phase = JOB_RECEIVING,
		 .undirected = true,
		 .carried = true,
		 .gate = GATE_NOW,
		 .set_opened = true},
		ACTION_REST},
	{{.phase = JOB_RECEIVING, .undirected = true, .whole = true, .opened = true},
		ACTION_REST},
	{{.phase = JOB_RECEIVING, .undirected = true, .set_whole = true}, ACTION_OPEN_SET},
	{{.phase = JOB_RECEIVING, .undirected = true, .set_whole = true, .set_opened = true},
		ACTION_JUDGE},
	{{.phase = JOB_RECEIVING,
		 .undirected = true,
		 .set_whole = true,
		 .set_opened = true,
		 .stuck = true},
		ACTION_REST},

	{{.phase = JOB_STAGED}, ACTION_ASK_GATE},
	{{.phase = JOB_STAGED, .gate = GATE_LATER}, ACTION_REST},
	{{.phase = JOB_STAGED, .gate = GATE_NOW}, ACTION_BEGIN},
	{{.phase = JOB_STAGED, .gate = GATE_NOW, .stage = true}, ACTION_REST},

	{{.phase = JOB_INSTALLING}, ACTION_INSTALL},
	{{.phase = JOB_INSTALLING, .tries = AGENT_TRIES - 1}, ACTION_INSTALL},
	{{.phase = JOB_INSTALLING, .tries = AGENT_TRIES}, ACTION_TO_ROLL_BACK},

	{{.phase = JOB_REBOOTING}, ACTION_ASK_GATE},
	{{.phase = JOB_REBOOTING, .gate = GATE_LATER}, ACTION_REST},
	{{.phase = JOB_REBOOTING, .gate = GATE_NOW}, ACTION_REBOOT},
	{{.phase = JOB_REBOOTING, .tries = 1}, ACTION_REBOOT},
	{{.phase = JOB_REBOOTING, .tries = 1, .gate = GATE_LATER}, ACTION_REBOOT},
	{{.phase = JOB_REBOOTING, .tries = AGENT_TRIES}, ACTION_TO_ROLL_BACK},
	{{.phase = JOB_REBOOTING, .tries = AGENT_TRIES, .rolled_back = true}, ACTION_TO_LOOK},
	{{.phase = JOB_REBOOTING, .rebooted = true}, ACTION_AFTER_REBOOT},
	{{.phase = JOB_REBOOTING, .rebooted = true, .tries = AGENT_TRIES}, ACTION_AFTER_REBOOT},

	{{.phase = JOB_CHECKING}, ACTION_TO_COMMIT},
	{{.phase = JOB_CHECKING, .has_health = true}, ACTION_CHECK},
	{{.phase = JOB_CHECKING, .has_health = true, .tries = AGENT_TRIES},
		ACTION_TO_ROLL_BACK},

	{{.phase = JOB_COMMITTING}, ACTION_COMMIT},
	{{.phase = JOB_COMMITTING, .tries = AGENT_TRIES}, ACTION_TO_LOOK},

	{{.phase = JOB_ROLLING_BACK}, ACTION_ROLL_BACK},
	{{.phase = JOB_ROLLING_BACK, .tries = AGENT_TRIES}, ACTION_TO_LOOK},
	{{.phase = JOB_ROLLING_BACK, .committed = true}, ACTION_GIVE_UP},

	{{.phase = JOB_LOOKING}, ACTION_LOOK},
	{{.phase = JOB_LOOKING, .tries = AGENT_TRIES}, ACTION_GIVE_UP},
};

static void what_is_next_follows_from_the_facts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct agent_facts facts = rows[i].facts;

		facts.surveyed = true;
		if (agent_plan(&facts) != rows[i].action)
			fail_msg("row %zu: action %d", i, agent_plan(&facts));
		facts.surveyed = false; /* first it must know what it is */
		assert_int_equal(agent_plan(&facts), ACTION_SURVEY);
		facts.working = true; /* and one thing at a time */
		assert_int_equal(agent_plan(&facts), ACTION_REST);
	}
}

static const struct {
	enum agent_work work;
	bool exited;
	int status;
	enum job_phase next;
	bool receipt;
	enum outcome outcome;
} ends[] = {
	{WORK_INSTALL, true, INSTALLER_DONE, JOB_CHECKING, true, OUTCOME_INSTALLED},
	{WORK_INSTALL, true, INSTALLER_COMMITTED, JOB_CHECKING, true, OUTCOME_INSTALLED},
	{WORK_INSTALL, true, INSTALLER_REBOOT, JOB_REBOOTING, true, OUTCOME_INSTALLED},
	{WORK_INSTALL, true, INSTALLER_FAILED, JOB_NONE, true, OUTCOME_ROLLED_BACK},
	{WORK_INSTALL, true, 99, JOB_NONE, true, OUTCOME_ROLLED_BACK},
	{WORK_INSTALL, true, INSTALLER_BROKEN, JOB_LOOKING, false, OUTCOME_INSTALLED},
	{WORK_INSTALL, true, INSTALLER_KILLED, JOB_ROLLING_BACK, false, OUTCOME_INSTALLED},
	{WORK_INSTALL, false, 9, JOB_ROLLING_BACK, false, OUTCOME_INSTALLED},
	{WORK_CHECK, true, 0, JOB_COMMITTING, false, OUTCOME_INSTALLED},
	{WORK_CHECK, true, 1, JOB_ROLLING_BACK, false, OUTCOME_INSTALLED},
	{WORK_CHECK, false, 0, JOB_ROLLING_BACK, false, OUTCOME_INSTALLED},
	{WORK_COMMIT, true, INSTALLER_DONE, JOB_NONE, true, OUTCOME_CONFIRMED},
	{WORK_COMMIT, true, INSTALLER_BROKEN, JOB_LOOKING, false, OUTCOME_INSTALLED},
	{WORK_COMMIT, false, 0, JOB_LOOKING, false, OUTCOME_INSTALLED},
	{WORK_ROLL_BACK, true, INSTALLER_DONE, JOB_NONE, true, OUTCOME_ROLLED_BACK},
	{WORK_ROLL_BACK, true, INSTALLER_REBOOT, JOB_REBOOTING, false, OUTCOME_INSTALLED},
	{WORK_ROLL_BACK, true, INSTALLER_BROKEN, JOB_LOOKING, false, OUTCOME_INSTALLED},
	{WORK_ROLL_BACK, false, 0, JOB_LOOKING, false, OUTCOME_INSTALLED},
	{WORK_LOOK, true, INSTALLER_RUNS_OLD, JOB_NONE, true, OUTCOME_ROLLED_BACK},
	{WORK_LOOK, true, INSTALLER_RUNS_NEW, JOB_NONE, true, OUTCOME_FAILED},
	{WORK_LOOK, true, INSTALLER_RUNS_UNKNOWN, JOB_NONE, true, OUTCOME_FAILED},
	{WORK_LOOK, false, 9, JOB_NONE, true, OUTCOME_FAILED},
	{WORK_LOOK_HEALTHY, true, INSTALLER_RUNS_OLD, JOB_NONE, true, OUTCOME_ROLLED_BACK},
	{WORK_LOOK_HEALTHY, true, INSTALLER_RUNS_NEW, JOB_NONE, true, OUTCOME_CONFIRMED},
	{WORK_LOOK_HEALTHY, true, INSTALLER_RUNS_UNKNOWN, JOB_NONE, true, OUTCOME_FAILED},
	{WORK_LOOK_HEALTHY, true, 0, JOB_NONE, true, OUTCOME_FAILED},
	{WORK_LOOK_HEALTHY, false, 9, JOB_NONE, true, OUTCOME_FAILED},
};

static void what_follows_a_child_is_in_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ends); i++) {
		const struct agent_step step
			= agent_plan_after(ends[i].work, ends[i].exited, ends[i].status);

		if (step.next != ends[i].next || step.receipt != ends[i].receipt
			|| (step.receipt && step.outcome != ends[i].outcome))
			fail_msg("row %zu: to %d", i, step.next);
		/* Whoever fails says why. */
		if (step.code != ERROR_NONE)
			assert_non_null(step.why);
	}
	assert_true(agent_plan_after(WORK_INSTALL, true, INSTALLER_COMMITTED).committed);
	assert_true(agent_plan_after(WORK_ROLL_BACK, true, INSTALLER_REBOOT).rolled_back);
}

/* ---- who may visit ---- */

#define BORN INT64_C(1790000000)
#define DAY INT64_C(86400)
#define YEAR (JUDGE_STEP_S / 5)

static const struct {
	struct judge_facts facts;
	int64_t floor;
	enum message_refusal reason; /* 0: it may */
	int64_t after;               /* the floor */
} visits[] = {
	/* in order, and the floor rises to notBefore */
	{{false, true, BORN, BORN + 30 * DAY, BORN + DAY}, BORN - DAY, 0, BORN},
	{{false, true, BORN, BORN + 30 * DAY, BORN + DAY}, BORN + 2 * DAY, 0, BORN + 2 * DAY},
	/* an RTC of 1970 is no reason against it; the floor alone ends it */
	{{false, true, BORN, BORN + 30 * DAY, 0}, BORN, 0, BORN},
	{{false, true, BORN, BORN + 30 * DAY, 0}, BORN + 31 * DAY, MESSAGE_REFUSED_EXPIRED,
		BORN + 31 * DAY},
	/* an RTC of 2100 refuses everybody, but raises nothing */
	{{false, true, BORN, BORN + 30 * DAY, INT64_C(4102444800)}, BORN,
		MESSAGE_REFUSED_EXPIRED, BORN},
	{{false, true, BORN, BORN + 30 * DAY, BORN + 31 * DAY}, 0, MESSAGE_REFUSED_EXPIRED,
		BORN},
	/* one that is past and authentic still tells the time */
	{{false, true, BORN, BORN + DAY, BORN + 2 * DAY}, BORN - 9 * DAY,
		MESSAGE_REFUSED_EXPIRED, BORN},
	/* revocation and group come before any time */
	{{true, false, BORN, BORN + DAY, 0}, 5, MESSAGE_REFUSED_REVOKED, 5},
	{{false, false, BORN, BORN + DAY, 0}, 5, MESSAGE_REFUSED_GROUP, 5},
	/* five years and no more */
	{{false, true, BORN + 5 * YEAR, BORN + 6 * YEAR, 0}, BORN, 0, BORN + 5 * YEAR},
	{{false, true, BORN + 5 * YEAR + 1, BORN + 6 * YEAR, 0}, BORN, MESSAGE_REFUSED_NOT_YET,
		BORN},
	/* the first statement sets a floor that never was */
	{{false, true, BORN, BORN + DAY, 0}, 0, 0, BORN},
};

static void a_courier_is_judged_in_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(visits); i++) {
		enum message_refusal why = 0;
		int64_t floor = visits[i].floor;
		const bool may = judge_courier(&visits[i].facts, &floor, &why);

		if (may != (visits[i].reason == 0) || (!may && why != visits[i].reason))
			fail_msg("row %zu: %d, reason %d", i, may, why);
		assert_int_equal(floor, visits[i].after);
	}
}

static void a_statement_raises_the_floor_by_five_years_at_most(void **state)
{
	(void)state;
	assert_int_equal(judge_floor(0, BORN), BORN);
	assert_int_equal(judge_floor(BORN, BORN - 1), BORN);
	assert_int_equal(judge_floor(BORN, BORN + YEAR), BORN + YEAR);
	assert_int_equal(judge_floor(BORN, BORN + 90 * YEAR), BORN + 5 * YEAR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_next_follows_from_the_facts),
		cmocka_unit_test(what_follows_a_child_is_in_the_table),
		cmocka_unit_test(a_courier_is_judged_in_order),
		cmocka_unit_test(a_statement_raises_the_floor_by_five_years_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
