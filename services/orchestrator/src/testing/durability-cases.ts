// The cases of durable execution by number and name. A suite runs some of them and must say of each
// of the others why it does not.
import { expect, test } from "vitest";

export const durabilityCases = {
  C01: "publish_resolves_only_after_durable_accept",
  C02: "publish_partial_batch_failure_reports_per_item",
  C03: "publish_unroutable_is_error",
  C04: "oversize_rejected_before_send",
  C05: "headers_roundtrip_bytes_and_unicode",
  C06: "trace_context_roundtrip",
  C07: "deliver_each_at_least_once_10k",
  C08: "slots_limit_concurrency_exactly",
  C09: "slow_handler_does_not_block_other_pool",
  C10: "pause_stops_new_resume_continues",
  C11: "settle_done_removes",
  C12: "settle_twice_is_noop",
  C13: "settle_after_reconnect_is_noop",
  C14: "retry_soon_redelivers_not_hot_loop",
  C15: "reject_goes_to_dead_letter_with_reason",
  C16: "handler_throw_equals_retry_soon",
  C17: "undecodable_goes_to_dead_letter_and_does_not_wedge",
  C18: "poison_crashing_message_capped",
  C19: "consumer_kill9_before_claim_redelivers",
  C20: "consumer_kill9_after_claim_before_ack_is_stale_duplicate",
  C21: "consumer_kill9_after_ack_recovers_by_lease_sweep",
  C22: "publisher_kill9_after_send_before_confirm_duplicates_only",
  C23K: "broker_kill9_no_confirmed_message_lost",
  C24K: "broker_restart_consumer_resumes_without_process_restart",
  C25K: "broker_down_at_start_connects_later",
  C26K: "broker_down_60s_outbox_drains_in_order_of_availability",
  C27K: "connection_half_open_detected_by_heartbeat",
  C28K: "channel_closed_by_server_recovers",
  C29K: "broker_blocked_alarm_backpressures",
  C30K: "rebalance_during_claim_no_double_completion",
  C31K: "rebalance_storm_20_joins_all_complete",
  C32: "step_longer_than_every_broker_timeout",
  C33: "approval_wait_holds_no_message",
  C34: "approval_grant_twice_one_effect",
  C35: "approval_changed_action_hash_rejected",
  C36: "cancel_ready_never_starts",
  C37: "cancel_running_aborts_within_heartbeat",
  C38: "cancel_races_completion_one_winner",
  C39: "retry_backoff_not_early_not_later_than_1s_and_poll",
  C40: "duplicate_x10_one_completion",
  C41: "reorder_shuffle_same_final_state",
  C42: "delayed_message_from_old_attempt_is_stale",
  C43: "zombie_worker_write_is_fenced",
  C44: "outbox_relay_two_instances_no_loss",
  C45: "swap_adapter_mid_plan_completes",
  C46: "purge_broker_reemit_completes",
  C48: "kafka_lag_metric_uncommitted_group",
  C50: "tenant_flood_other_tenant_bounded",
  C51: "priority_high_overtakes_backlog",
} as const;

export type CaseId = keyof typeof durabilityCases;

/** Why a case is not run, by its number. */
export type LeftOut = Readonly<Partial<Record<CaseId, string>>>;

export type CaseList = {
  /** A test of the case, unless it is left out; `title` tells two tests of one case apart. */
  test(id: CaseId, work: () => Promise<void>, title?: string): void;
  /** A last test: every case of the suite ran or is left out, and prints the reasons. */
  testCompleteness(): void;
};

/** @param ids the cases that the suite owns @throws Error when a reason names a case of another suite */
export function caseList(ids: readonly CaseId[], leftOut: LeftOut): CaseList {
  const written = new Set<CaseId>();
  const foreign = Object.keys(leftOut).filter((id) => !ids.some((own) => own === id));
  if (foreign.length > 0) throw new Error(`not cases of this suite: ${foreign.join(", ")}`);
  return {
    test(id, work, title) {
      written.add(id);
      if (leftOut[id] !== undefined) return;
      // oxlint-disable-next-line vitest/expect-expect -- the work asserts
      test(`${id} ${durabilityCases[id]}${title === undefined ? "" : `: ${title}`}`, work);
    },
    testCompleteness() {
      test("every case has a test; each one left out has a reason", async ({ annotate }) => {
        expect([...written].sort()).toEqual([...ids].sort());
        for (const [id, reason] of Object.entries(leftOut)) {
          expect(reason.length).toBeGreaterThan(20);
          await annotate(`${id} ${durabilityCases[id as CaseId]} is left out: ${reason}`, "left-out");
        }
      });
    },
  };
}
