import fc from "fast-check";
import { expect, test } from "vitest";

import { maskText, maskingStream, secretForms } from "./redact-secret.ts";

async function masked(chunks: readonly Buffer[], spellings: readonly string[]): Promise<Buffer> {
  const stream = maskingStream(spellings);
  const out: Buffer[] = [];
  stream.on("data", (data: Buffer) => out.push(data));
  const ended = new Promise((resolve) => stream.once("end", resolve));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await ended;
  return Buffer.concat(out);
}

function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const places = [0, ...at.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
}

test("however an answer is cut, the secret is gone and nothing else has changed", async () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9/+"=-]{8,40}$/u);
  const text = fc.string({ unit: fc.constantFrom("a", "b", "\n", "é") });
  const places = fc.array(fc.nat(), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(secret, text, text, places, async (word, before, after, at) => {
      const spellings = secretForms(`Bearer ${word}`);
      const bytes = Buffer.from(`${before}${word}${after}${word}`);
      const hidden = "*".repeat(word.length);
      const result = (await masked(cut(bytes, at), spellings)).toString();
      expect(result).toBe(`${before}${hidden}${after}${hidden}`);
    }),
  );
});

test("the password of a Basic header is hidden by itself, too", () => {
  const header = `Basic ${Buffer.from("ann:correct-horse").toString("base64")}`;
  const spellings = secretForms(header);
  expect([maskText("correct-horse", spellings), maskText(header, spellings)]).toEqual([
    "*".repeat(13),
    "*".repeat(header.length),
  ]);
});

test("a short word is not searched for", () => {
  expect(maskText("abc Bearer abc", secretForms("Bearer abc"))).toBe(`abc ${"*".repeat(10)}`);
});
