// The cases of durable execution by number and name, on what they run, and why one is not run somewhere.
// The suites read it, and so does the table that `make conformance` prints.

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
  C47: "depth_metric_matches_truth",
  C48: "kafka_lag_metric_uncommitted_group",
  C49: "drain_close_leaves_no_lease",
  C50: "tenant_flood_other_tenant_bounded",
  C51: "priority_high_overtakes_backlog",
  C52: "mixed_version_workers_route",
  C53: "restart_orchestrator_resumes_1000_open_plans",
  C54: "events_gapless_under_20_writers",
  C55: "sse_resume_from_any_seq_gapless",
} as const;

export type CaseId = keyof typeof durabilityCases;

export const queueNames = ["embedded", "RabbitMQ", "Kafka"] as const;
export type QueueName = (typeof queueNames)[number];

export const storeNames = ["SQLite", "PostgreSQL"] as const;
export type StoreName = (typeof storeNames)[number];

/** A queue on a broker is the same code whatever the plans are in: its suite names no store. */
export const noStore = "no store";

/** The title of a suite, by which the table knows what its cases ran on. */
export function combinationTitle(queues: readonly QueueName[], store: StoreName | typeof noStore): string {
  return `${queues.join(", ")} × ${store}`;
}

const noBroker = "the outbox is the queue: there is no broker that could fail, stop or be full";

/** Why a case is not run on a queue, whatever the store. */
export const leftOutCases: Readonly<Partial<Record<CaseId, Readonly<Partial<Record<QueueName, string>>>>>> = {
  C03: {
    embedded: "the outbox keeps a message of any pool until somebody serves that pool; there is nothing to route",
  },
  C13: {
    embedded: "there is no connection that could be lost; settling after the subscription ended has a test",
  },
  C18: {
    embedded: "a crash counts against the step: its claim takes the message out in the commit that takes the lease",
  },
  C22: {
    embedded: "sending and accepting are one commit; kills around it are enumerated by the suite of failpoints",
  },
  C23K: { embedded: noBroker },
  C24K: { embedded: noBroker },
  C25K: { embedded: noBroker },
  C26K: { embedded: noBroker },
  C27K: { embedded: noBroker },
  C28K: { embedded: noBroker },
  C29K: {
    embedded: noBroker,
    Kafka: "Kafka has no alarm that blocks publishers: one that takes nothing more does not answer, which is C27K",
  },
  C30K: { embedded: noBroker, RabbitMQ: "RabbitMQ has no consumer groups that could be balanced again" },
  C31K: { embedded: noBroker },
  C44: {
    embedded: "the embedded queue has no relay; that no two get one message is a case of the claims on the outbox",
  },
  C48: {
    embedded: "the outbox has no groups of consumers and no committed marks; its depth is C47",
    RabbitMQ: "RabbitMQ has no groups of consumers and no committed marks; its depth is C47",
  },
};
