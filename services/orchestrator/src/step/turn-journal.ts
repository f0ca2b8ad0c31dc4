// PORT: the events of a model turn as they arrive, until the turn is in the event log. It closes
// the gap between a vendor's last byte and our commit: a turn that was delivered is never bought
// again. Promises: what was used and the end survive the death of this process when `add` resolves,
// with all that was added before them; a piece of the answer does so a moment later, at the latest
// when `close` resolves. A record has no gaps, and one that lacks its `finish` is no turn. It is no
// second memory: what the event log holds is never read from here.
import type { StreamEvent } from "@ossaat/providers";

import type { Reader } from "../store/store.ts";
import type { EndedPlan } from "./ended-plans.ts";

export type TurnKey = { planId: string; stepId: string; turn: number };

export type TurnRecording = {
  /** Rejects when this event, or one before it, cannot be kept. */
  add(event: StreamEvent): Promise<void>;
  /** Keeps what was added. Rejects when it cannot. */
  close(): Promise<void>;
};

export type TurnJournal = {
  /** Starts the record of a turn; an earlier, unfinished one is dropped. */
  begin(key: TurnKey): Promise<TurnRecording>;
  /** All events of a turn that was delivered to its end; undefined = ask for it. */
  delivered(key: TurnKey): Promise<StreamEvent[] | undefined>;
  /** What arrived of a turn before its worker died, at least; undefined = its request was not sent. */
  received(key: TurnKey): Promise<StreamEvent[] | undefined>;
  /** Drops the record of a turn that is in the log. */
  forget(key: TurnKey): Promise<void>;
  /** Plans that have records, or had some until they were recorded. */
  plans(): Promise<string[]>;
  /** Those of them that have ended, as `read` knows them; found by one statement, however many have not. */
  endedPlans(read: Reader): Promise<EndedPlan[]>;
  /** Drops every record of a plan. */
  forgetPlan(planId: string): Promise<void>;
};
