import { AgentError } from "@ossaat/contracts";
import { expect, it } from "vitest";

import { createKeyedLock } from "./lock.ts";

it("lets one in at a time, in order, and others by another key", async () => {
  const lock = createKeyedLock();
  const steps: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = lock.hold("a", async () => {
    steps.push("one in");
    await first.promise;
    steps.push("one out");
  });
  const two = lock.hold("a", () => Promise.resolve(steps.push("two")));
  await lock.hold("b", () => Promise.resolve(steps.push("other")));
  first.resolve();
  await Promise.all([one, two]);
  expect(steps).toEqual(["one in", "other", "one out", "two"]);
});

it("goes on after a failure", async () => {
  const lock = createKeyedLock();
  const failed = lock.hold("a", () => Promise.reject(new Error("no")));
  await expect(failed).rejects.toThrow("no");
  expect(await lock.hold("a", () => Promise.resolve(1))).toBe(1);
});

it("lets an aborted waiter leave at once, without its place being used", async () => {
  const lock = createKeyedLock();
  const first = Promise.withResolvers<void>();
  const holder = lock.hold("a", () => first.promise);
  const abort = new AbortController();
  let ran = false;
  const waiter = lock.hold("a", () => Promise.resolve((ran = true)), abort.signal).catch((error: unknown) => error);
  const after = lock.hold("a", () => Promise.resolve("after"));
  abort.abort();
  const left = await waiter;
  expect(left).toBeInstanceOf(AgentError);
  expect(left).toMatchObject({ code: "cancelled" });
  first.resolve();
  await holder;
  expect([await after, ran]).toEqual(["after", false]);
});

it("does not interrupt work that has begun", async () => {
  const lock = createKeyedLock();
  const abort = new AbortController();
  const work = lock.hold(
    "a",
    () => {
      abort.abort();
      return Promise.resolve("done");
    },
    abort.signal,
  );
  expect(await work).toBe("done");
});
