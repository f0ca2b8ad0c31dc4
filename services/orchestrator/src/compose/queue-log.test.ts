import { AgentError } from "@ossaat/contracts";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { QueueLog } from "./queue-log.ts";

let lines: string[];
let isWell: boolean;
let queueLog: QueueLog;
beforeEach(() => {
  vi.useFakeTimers();
  lines = [];
  isWell = false;
  const log = (level: string) => (fields: object, message: string) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  queueLog = new QueueLog({
    log: { info: log("info"), warn: log("warn"), error: log("error") },
    isWell: () => Promise.resolve(isWell),
  });
});
afterEach(() => {
  queueLog.close();
  vi.useRealTimers();
});

const away = () => new AgentError("unavailable", "It is away.", { details: { next: "start it" } });

test("an outage is one line at its begin and one at its end; the next one is told again", async () => {
  for (let tries = 0; tries < 5; tries += 1) {
    queueLog.error(away());
    queueLog.error(new Error("refused"));
    await vi.advanceTimersByTimeAsync(2_000);
  }
  const begin = [
    'warn the queue has a problem and is tried again {"problem":"It is away.","next":"start it"}',
    'warn the queue has a problem and is tried again {"problem":"refused"}',
  ];
  expect(lines.splice(0)).toEqual(begin);
  isWell = true;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(lines.splice(0)).toEqual(["info the queue is well again {}"]);
  queueLog.error(away());
  expect(lines.splice(0)).toEqual(begin.slice(0, 1));
});

test("what a queue meets while it is closed is not told", async () => {
  queueLog.close();
  queueLog.error(away());
  await vi.advanceTimersByTimeAsync(5_000);
  expect(lines).toEqual([]);
});
