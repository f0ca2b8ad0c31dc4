import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { array, assert, asyncProperty, constantFrom, integer, record } from "fast-check";
import { afterAll, expect, test } from "vitest";

import { createLogStore } from "../log/log-store.ts";
import { cargo } from "../test-runner/parse-compiled.ts";
import { collectOutput } from "./output-collector.ts";

const folder = mkdtempSync(path.join(tmpdir(), "ossaat-output-"));
const logs = createLogStore(folder);
afterAll(() => rmSync(folder, { recursive: true }));

type Piece = readonly ["stdout" | "stderr", string];

async function collect(pieces: readonly Piece[], textBytes = 1_000_000): Promise<string> {
  const output = await collectOutput(logs, { textBytes, keepBytes: textBytes });
  for (const [channel, text] of pieces) await output.take(channel, Buffer.from(text));
  const { logRef, logBytes } = await output.close();
  const logged = await logs.read({ logRef, fromByte: 0, maxBytes: logBytes + 1 });
  expect(logged.data).toBe(output.all().toString());
  return output.text();
}

test("a line that one channel has begun is not broken by what the other prints", async () => {
  const pieces: Piece[] = [
    ["stderr", "     Running tests/units.rs (target/debug/deps/units-1)\n"],
    ["stdout", "\nrunning 1 test\ntest units ... ok\n\n"],
    ["stderr", "     Running"],
    ["stdout", "test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\n"],
    ["stderr", " tests/problems.rs (target/debug/deps/problems-1)\n"],
    ["stdout", "\nrunning 1 test\ntest pro"],
    ["stdout", "blems ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n"],
  ];
  expect(cargo(await collect(pieces))).toMatchObject({ passed: 2, failed: 0 });
  // Planted: in the order of the pieces a result is lost.
  expect(cargo(pieces.map(([, text]) => text).join(""))).toMatchObject({ isBrokenOff: true });
});

test("whatever the order in which pieces of two channels come, every line is whole and in its channel's order", async () => {
  const piece = record({ isOut: constantFrom(true, false), length: integer({ min: 1, max: 40 }) });
  const property = asyncProperty(array(piece, { maxLength: 30 }), integer({ min: 0, max: 5 }), async (cuts, lines) => {
    const texts = { stdout: "", stderr: "" };
    for (let n = 0; n < lines; n += 1) {
      texts.stdout += `out ${n}${"o".repeat(n * 7)}\n`;
      texts.stderr += `err ${n}${"e".repeat(n * 5)}\n`;
    }
    texts.stderr += "err begun";
    const left = { ...texts };
    const take = (channel: "stdout" | "stderr", length: number): Piece => {
      const text = left[channel].slice(0, length);
      left[channel] = left[channel].slice(length);
      return [channel, text];
    };
    const pieces = cuts.map(({ isOut, length }) => take(isOut ? "stdout" : "stderr", length));
    pieces.push(take("stdout", 1_000), take("stderr", 1_000));
    const merged = (await collect(pieces)).split("\n");
    const of = (prefix: string) => merged.filter((line) => line.startsWith(prefix)).join("\n");
    expect([of("out"), of("err"), merged.filter((line) => !/^(?:out|err|$)/u.test(line))]).toEqual([
      texts.stdout.trimEnd(),
      texts.stderr,
      [],
    ]);
  });
  await assert(property);
});

test("what never ends a line is taken as it comes", async () => {
  const long = "x".repeat(100_000);
  expect(
    await collect([
      ["stdout", long],
      ["stderr", "told\n"],
      ["stdout", "y"],
    ]),
  ).toBe(`${long}told\ny`);
});
