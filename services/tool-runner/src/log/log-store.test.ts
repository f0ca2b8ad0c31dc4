import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { asyncProperty, assert, integer, string } from "fast-check";
import { afterAll, expect, test } from "vitest";

import { createLogStore } from "./log-store.ts";

const folder = mkdtempSync(path.join(tmpdir(), "ossaat-logs-"));
const logs = createLogStore(folder);
afterAll(() => rmSync(folder, { recursive: true }));

async function keep(bytes: Uint8Array): Promise<string> {
  const writer = await logs.create();
  await writer.write(bytes);
  return (await writer.close()).logRef;
}

async function readInParts(logRef: string, maxBytes: number): Promise<string> {
  let text = "";
  for (let fromByte = 0; ;) {
    const part = await logs.read({ logRef, fromByte, maxBytes });
    text += part.data;
    if (part.nextByte >= part.totalBytes) return text;
    if (part.nextByte === fromByte) throw new Error("no progress");
    fromByte = part.nextByte;
  }
}

test("parts put together are the whole text, wherever the cuts fall", async () => {
  const property = asyncProperty(
    string({ unit: "grapheme", minLength: 1 }),
    integer({ min: 4, max: 16 }),
    async (text, size) => {
      expect(await readInParts(await keep(Buffer.from(text, "utf8")), size)).toBe(
        Buffer.from(text, "utf8").toString("utf8"),
      );
    },
  );
  await assert(property, { numRuns: 60 });
});

test("bytes that are no text are passed over one part after the other, to the end", async () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? 0xff : 0xc3));
  const text = await readInParts(await keep(bytes), 7);
  expect(text.length).toBeGreaterThanOrEqual(50);
});
