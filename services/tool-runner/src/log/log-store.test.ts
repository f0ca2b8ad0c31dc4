import { AgentError, sha256Hex } from "@ossaat/contracts";
import { afterAll, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import { createLogStore, logLimits } from "./log-store.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());
const logs = createLogStore(dir.at("logs"));

it("names a log by its content, in the order it was written, even by two writers at once", async () => {
  const log = await logs.create();
  const parts = Array.from({ length: 200 }, (_unused, index) => `${index} ${"x".repeat((index * 37) % 900)}\n`);
  await Promise.all(parts.map((part) => log.write(Buffer.from(part))));
  const { logRef, logBytes } = await log.close();
  const { data, totalBytes } = await logs.read({ logRef });
  expect(data).toBe(parts.join(""));
  expect(logRef).toBe(sha256Hex(data));
  expect([logBytes, totalBytes]).toEqual([data.length, data.length]);
});

it("reads parts and bounds them", async () => {
  const log = await logs.create();
  await log.write(Buffer.from("0123456789"));
  const { logRef } = await log.close();
  expect(await logs.read({ logRef, fromByte: 3, maxBytes: 4 })).toEqual({ data: "3456", totalBytes: 10 });
  expect(await logs.read({ logRef, fromByte: 50 })).toEqual({ data: "", totalBytes: 10 });
  expect(logLimits.maxReadBytes * 3).toBeLessThan(4 * 1024 * 1024);
});

it("keeps equal logs once and drops discarded ones", async () => {
  const [first, second, third] = [await logs.create(), await logs.create(), await logs.create()];
  for (const each of [first, second, third]) await each.write(Buffer.from("same"));
  await third.discard();
  expect((await first.close()).logRef).toBe((await second.close()).logRef);
});

it.each([
  [{ logRef: "../../etc/passwd" }, "invalid_input"],
  [{ logRef: "A".repeat(64) }, "invalid_input"],
  [{ logRef: "0".repeat(64) }, "not_found"],
  [{ logRef: "0".repeat(64), fromByte: -1 }, "invalid_input"],
  [{ logRef: "0".repeat(64), maxBytes: Number.NaN }, "invalid_input"],
])("refuses %j", async (request, code) => {
  const refused = await logs.read(request).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(AgentError);
  expect(refused).toMatchObject({ code });
});
