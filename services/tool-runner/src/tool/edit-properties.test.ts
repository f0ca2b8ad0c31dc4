import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";

import { AgentError } from "@ossaat/contracts";
import * as fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import { placeHunks } from "./apply-hunks.ts";
import { parsePatch } from "./parse-patch.ts";
import { replaceText } from "./replace-text.ts";
import { applyEdits, formatText, parseText } from "./text-file.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

/** Pieces that collide often: repeats, look-alikes, indentation and all kinds of line ends. */
const piece = fc.constantFrom(
  "a",
  "b",
  "ab",
  " ",
  "\t",
  "  ",
  "\n",
  "\r\n",
  "\r",
  "'",
  "‘",
  "-",
  "–",
  "}",
  "\uFEFF",
  "é",
  "😀",
);
const text = fc.array(piece, { maxLength: 24 }).map((pieces) => pieces.join(""));

/** The edit as the tool does it, from bytes to bytes; undefined when it is refused. */
function edit(content: string, oldText: string, newText: string, replaceAll: boolean): string | undefined {
  const file = parseText(Buffer.from(content), "f");
  try {
    const { edits } = replaceText(file.lines, { oldText, newText, replaceAll, path: "f", mode: "tolerant" });
    return formatText(applyEdits(file, edits)).toString("utf8");
  } catch (error) {
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}

describe("edit_file on any text", () => {
  it("puts every file back together as it was", () => {
    fc.assert(
      fc.property(text, (content) => {
        const file = parseText(Buffer.from(content), "f");
        expect(formatText(file).toString("utf8")).toBe(content);
      }),
      { numRuns: 500 },
    );
  });

  it("changes no byte outside one stretch that stands for oldText", () => {
    fc.assert(
      fc.property(text, text, text, (before, oldText, after) => {
        fc.pre(oldText.trim() !== "");
        const content = before + oldText + after;
        const edited = edit(content, oldText, "#NEW#", false);
        if (edited === undefined) return;
        const at = edited.indexOf("#NEW#");
        const head = edited.slice(0, at);
        const tail = edited.slice(at + "#NEW#".length);
        // Indentation that the tool moved over belongs to the stretch.
        const kept = head.replace(/[ \t]*$/u, "");
        expect(content.startsWith(kept)).toBe(true);
        expect(content.endsWith(tail)).toBe(true);
        expect(kept.length + tail.length).toBeLessThanOrEqual(content.length);
      }),
      { numRuns: 2_000 },
    );
  });

  it("edits the very place when the text occurs exactly once", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        fc.pre(!/\r/u.test(before + after));
        expect(edit(`${before}§mark§${after}`, "§mark§", "x", false)).toBe(`${before}x${after}`);
      }),
      { numRuns: 500 },
    );
  });

  it("never chooses between two exact places", () => {
    fc.assert(
      fc.property(text, text, text, (a, b, c) => {
        fc.pre(!/\r/u.test(a + b + c));
        expect(edit(`${a}§§${b}§§${c}`, "§§", "x", false)).toBeUndefined();
        expect(edit(`${a}§§${b}§§${c}`, "§§", "x", true)).toBe(`${a}x${b}x${c}`);
      }),
      { numRuns: 200 },
    );
  });
});

/** Unified diff by real git, as a model or a person would paste it. */
function diff(before: string, after: string): string {
  writeFileSync(dir.at("before"), before);
  writeFileSync(dir.at("after"), after);
  const args = ["diff", "--no-index", "--no-color", "--text", "before", "after"];
  try {
    execFileSync("git", args, { cwd: dir.path, env: { PATH: "/usr/bin:/bin" }, stdio: ["ignore", "pipe", "ignore"] });
    return "";
  } catch (error) {
    return (error as { stdout: Buffer }).stdout
      .toString("utf8")
      .replaceAll("a/before", "a/f")
      .replaceAll("b/after", "b/f");
  }
}

/** Text after the patch; undefined when it is refused. */
function patched(before: string, patch: string): string | undefined {
  try {
    const [file, ...others] = parsePatch(patch);
    // Content that reads like the header of another file: that file does not exist, so the whole is refused.
    if (others.length > 0) return undefined;
    const text = parseText(Buffer.from(before), "f");
    const placed = placeHunks(text, file?.hunks ?? [], { path: "f", mode: "tolerant" });
    return formatText(applyEdits(text, placed.edits)).toString("utf8");
  } catch (error) {
    if (error instanceof AgentError && (error.code === "conflict" || error.code === "invalid_input")) return undefined;
    throw error;
  }
}

const ending = fc.constantFrom("", "\n");
const document = (line: fc.Arbitrary<string>) =>
  fc
    .tuple(fc.array(line, { maxLength: 14 }), ending)
    .map(([lines, end]) => (lines.length === 0 ? "" : lines.join("\n") + end));

describe("apply_patch of a real diff", () => {
  it("gives the other text when lines tell places apart", () => {
    const lines = Array.from({ length: 30 }, (_unused, index) => `line ${index}${index % 3 === 0 ? "  " : ""}`);
    const mixed = fc
      .tuple(fc.subarray(lines), fc.subarray(lines), ending, ending)
      .map(([a, b, x, y]) => [a.join("\n") + (a.length > 0 ? x : ""), b.join("\n") + (b.length > 0 ? y : "")] as const);
    fc.assert(
      fc.property(mixed, ([before, after]) => {
        fc.pre(before !== after && before !== "" && after !== "");
        expect(patched(before, diff(before, after))).toBe(after);
      }),
      { numRuns: 120 },
    );
  });

  it("gives the other text or refuses, when lines repeat", () => {
    const line = fc.constantFrom(
      "",
      "a",
      "a ",
      "  a",
      "b",
      "}",
      "-- x",
      "++ x",
      "--- x",
      "+++ x",
      "@@ -1 +1 @@",
      "\\ No newline",
      "diff --git a/x b/x",
    );
    let applied = 0;
    fc.assert(
      fc.property(document(line), document(line), (before, after) => {
        fc.pre(before !== after && before !== "" && after !== "");
        const result = patched(before, diff(before, after));
        if (result === undefined) return;
        applied += 1;
        expect(result).toBe(after);
      }),
      { numRuns: 150 },
    );
    expect(applied).toBeGreaterThan(30);
  });
});
