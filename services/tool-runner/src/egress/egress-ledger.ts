// What a run asked for, what was decided, and how many bytes went where.
import { Transform } from "node:stream";

import type { EgressReason, EgressRecord } from "@ossaat/contracts";

import type { EgressLimits } from "./limits.ts";

/** Bytes of all calls of a step so far; shared by the runs of the step. */
export type StepBytes = { up: number; down: number };

export type EgressDecision = Pick<EgressRecord, "host" | "port" | "method" | "decision"> & {
  path?: string;
  reason?: EgressReason;
  secret?: string;
};

export type Direction = "up" | "down";

/** The run spent what its step may send or receive. */
export class ByteBudgetSpent extends Error {}

/** Every control and every character that could fool a reader becomes visible; long text is cut. */
function shown(text: string, maxChars: number): string {
  const visible = text.replaceAll(/[^\x21-\x7e]/gu, (char) =>
    encodeURIComponent(char.isWellFormed() ? char : "\ufffd"),
  );
  return visible.length <= maxChars ? visible : `${visible.slice(0, maxChars - 1)}…`;
}

/** The record of one run. */
export class EgressLedger {
  readonly #limits: EgressLimits;
  readonly #bytes: StepBytes;
  readonly #records = new Map<string, EgressRecord>();
  #requests = 0;

  constructor(bytes: StepBytes, limits: EgressLimits) {
    this.#bytes = bytes;
    this.#limits = limits;
  }

  /** Counts a request, whatever becomes of it; false when it is one too many. */
  admit(): boolean {
    this.#requests += 1;
    return this.#requests <= this.#limits.maxRequests;
  }

  /** Whether the step has moved as many bytes as it may. */
  isSpent(): boolean {
    return this.#bytes.up > this.#limits.maxStepUpBytes || this.#bytes.down > this.#limits.maxStepDownBytes;
  }

  /** Records a decision; bytes are added to what it returns. */
  note(decision: EgressDecision): EgressRecord {
    const { maxShownChars, maxRecords } = this.#limits;
    const seen = {
      ...decision,
      host: shown(decision.host, maxShownChars),
      ...(decision.path === undefined ? {} : { path: shown(decision.path, maxShownChars) }),
    };
    const { decision: verdict, reason } = decision;
    const rest = {
      host: "(others)",
      port: 0,
      method: "*",
      decision: verdict,
      ...(reason === undefined ? {} : { reason }),
    };
    const isFull = this.#records.size >= maxRecords && !this.#records.has(JSON.stringify(seen));
    const fields = isFull ? rest : seen;
    const key = JSON.stringify(fields);
    const record = this.#records.get(key) ?? { ...fields, count: 0, bytesUp: 0, bytesDown: 0 };
    record.count += 1;
    this.#records.set(key, record);
    return record;
  }

  /** Takes one decision out of a record: it was let through and could not be done. */
  fail(record: EgressRecord, reason: EgressReason): void {
    this.#replace(record, "allowed", reason);
  }

  /** Takes one decision out of a record: what followed showed it to be wrong. */
  deny(record: EgressRecord, reason: EgressReason): void {
    this.#replace(record, "denied", reason);
  }

  #replace(record: EgressRecord, decision: EgressRecord["decision"], reason: EgressReason): void {
    const { host, port, method, path, secret } = record;
    const changed = this.note({
      host,
      port,
      method,
      decision,
      reason,
      ...(path === undefined ? {} : { path }),
      ...(secret === undefined ? {} : { secret }),
    });
    record.count -= 1;
    if (record.count > 0) return;
    changed.bytesUp += record.bytesUp;
    changed.bytesDown += record.bytesDown;
    record.bytesUp = 0;
    record.bytesDown = 0;
  }

  /** Adds bytes to a record and to the step. @throws ByteBudgetSpent beyond what the step may move */
  add(record: EgressRecord, direction: Direction, bytes: number): void {
    this.#bytes[direction] += bytes;
    if (direction === "up") record.bytesUp += bytes;
    else record.bytesDown += bytes;
    if (!this.isSpent()) return;
    const { host, port, method } = record;
    this.note({ host, port, method, decision: "denied", reason: "byte_budget" });
    throw new ByteBudgetSpent();
  }

  /** A stream that counts what passes and ends with an error once the budget is spent. */
  meter(record: EgressRecord, direction: Direction): Transform {
    const add = (bytes: number): void => this.add(record, direction, bytes);
    return new Transform({
      transform(chunk: Buffer, _encoding, done) {
        try {
          add(chunk.length);
          done(null, chunk);
        } catch (error) {
          done(error as Error);
        }
      },
    });
  }

  records(): EgressRecord[] {
    return [...this.#records.values()].filter(({ count }) => count > 0).map((record) => ({ ...record }));
  }
}
