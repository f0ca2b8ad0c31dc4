// What a worker may run, by the message of its step.
import { expect, test } from "vitest";

import { envelope } from "../testing/queue-under-test.ts";
import { readEnvelope } from "./envelope-text.ts";
import { isKnown } from "./step-kinds.ts";

test("a message of a newer shape can be read, and its step is left to a newer worker", () => {
  const newer = { ...envelope(1), schemaVersion: 2, shard: "s-1" };
  const read = readEnvelope(JSON.stringify(newer));
  expect([read, isKnown(read), isKnown(envelope(1))]).toEqual([newer, false, true]);
});
