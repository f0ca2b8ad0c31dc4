// Patches that must be refused, or that make, remove and rename files.
import { afterOf } from "./edit-case.ts";
import type { Seed } from "./edit-case.ts";
import { comment, isBlankLine } from "./seed-lines.ts";
import type { Mistake } from "./seed-lines.ts";
import { changeOf, fileHeader, hunkOf, patch, patchOf } from "./seed-patch.ts";

const isContext = (line: string): boolean => line.startsWith(" ");
const hasWord = (line: string): boolean => /[A-Za-z]{4}/u.test(line);

/** Index in the body of a context line that tells something. */
function toldContext(body: readonly string[]): number {
  return body.findIndex((line) => isContext(line) && hasWord(line));
}

/** Line number in the file of a line of the hunk's old side. */
function fileLine(seed: Seed, index: number): number {
  const { body } = hunkOf(seed);
  const before = body.findIndex((line) => !isContext(line));
  const added = body.slice(0, index).filter((line) => line.startsWith("+")).length;
  return changeOf(seed).from - before + (index - added) + 1;
}

const stale: Mistake[] = [
  {
    group: "patch: stale context",
    expected: "refuse",
    make: (seed) => {
      const { body } = hunkOf(seed);
      const index = toldContext(body);
      if (index < 0) return undefined;
      const spoil = (lines: string[]) =>
        lines.map((line, at) => (at === index ? line.replace(/[A-Za-z]{4,}/u, (word) => `${word}Old`) : line));
      return { edit: patchOf(seed, {}, spoil), names: [`${fileLine(seed, index)} |`, (body[index] ?? "").trim()] };
    },
  },
  {
    group: "patch: stale removed line",
    expected: "refuse",
    make: (seed) => {
      const { body } = hunkOf(seed);
      const index = body.findIndex((line) => line.startsWith("-") && hasWord(line));
      if (index < 0) return undefined;
      const spoil = (lines: string[]) =>
        lines.map((line, at) => (at === index ? line.replace(/[A-Za-z]{4,}/u, (word) => `${word}New`) : line));
      return {
        edit: patchOf(seed, {}, spoil),
        names: [`${fileLine(seed, index)} |`, (body[index] ?? "").slice(1).trim()],
      };
    },
  },
  {
    group: "patch: context line left out",
    expected: "refuse",
    make: (seed) => {
      const { body } = hunkOf(seed);
      const index = body.findIndex(
        (line, at) => at > 0 && isContext(line) && isContext(body[at - 1] ?? "") && !isBlankLine(line),
      );
      // Left out at the very end the hunk is only shorter.
      if (index < 0 || index >= body.length - 1) return undefined;
      return {
        edit: patchOf(seed, {}, (lines) => lines.filter((_line, at) => at !== index)),
        names: [`${fileLine(seed, index)} |`],
      };
    },
  },
  {
    group: "patch: elided context",
    expected: "refuse",
    make: (seed) => {
      const line = comment(seed.path, "... existing code ...");
      const spoil = (body: string[]) =>
        body.flatMap((each, at) => (at === 1 ? [` ${line}`] : at === 2 && isContext(each) ? [] : [each]));
      if (!isContext(hunkOf(seed).body[1] ?? "")) return undefined;
      return { edit: patchOf(seed, {}, spoil), after: null, names: [line] };
    },
  },
  {
    group: "patch: placeholder among the new lines",
    expected: "refuse",
    make: (seed) => {
      const line = comment(seed.path, "... rest of the code stays the same ...");
      const spoil = (body: string[]) => {
        const last = body.findLastIndex((each) => each.startsWith("+"));
        return [...body.slice(0, last + 1), `+${line}`, ...body.slice(last + 1)];
      };
      return { edit: patchOf(seed, {}, spoil), after: null, names: [line] };
    },
  },
  {
    group: "patch: made before",
    expected: "refuse",
    make: (seed) => ({ edit: patchOf(seed), before: afterOf(seed), after: null, names: ["already"] }),
  },
  {
    group: "patch: homoglyph in the context",
    expected: "refuse",
    make: (seed) => {
      const { body } = hunkOf(seed);
      const index = body.findIndex((line) => isContext(line) && /[A-Za-z][aeo]/u.test(line));
      if (index < 0) return undefined;
      const swap = (line: string) =>
        line.replace(/(?<=[A-Za-z])[aeo]/u, (letter) => ({ a: "а", e: "е", o: "о" })[letter] ?? letter);
      return {
        edit: patchOf(seed, {}, (lines) => lines.map((line, at) => (at === index ? swap(line) : line))),
        names: ["U+04", `${fileLine(seed, index)} |`],
      };
    },
  },
];

const places: Mistake[] = [
  {
    group: "patch: numbers point at an equal block",
    expected: "refuse",
    make: (seed) => {
      const block = hunkOf(seed)
        .body.filter((line) => !line.startsWith("+"))
        .map((line) => line.slice(1));
      const before = [...seed.lines.slice(0, -1), ...block, ""];
      return {
        edit: patchOf(seed, { drift: seed.lines.length }),
        before,
        after: null,
        names: [`${seed.lines.length}`, "fits 2 places"],
      };
    },
  },
  {
    group: "patch: the same change twice",
    expected: "refuse",
    make: (seed) => {
      const { header, body } = hunkOf(seed);
      return {
        edit: patch([...fileHeader(seed.path), header, ...body, header, ...body]),
        after: null,
        names: ["Two hunks", seed.path],
      };
    },
  },
  {
    group: "patch: second file does not fit",
    expected: "refuse",
    make: (seed) => {
      const { header, body } = hunkOf(seed);
      const other = [...fileHeader("src/other.txt"), "@@ -1 +1 @@", "-first line of it", "+changed"];
      const files = { [seed.path]: seed.lines.join("\n"), "src/other.txt": "first line of them\n" };
      return {
        edit: patch([...fileHeader(seed.path), header, ...body, ...other]),
        files,
        after: null,
        names: ["src/other.txt", "first line of them"],
      };
    },
  },
  {
    group: "patch: file that is not there",
    expected: "refuse",
    make: (seed) => ({
      edit: patchOf({ ...seed, path: `lib/${seed.path}` }),
      files: { [seed.path]: seed.lines.join("\n") },
      after: null,
      names: [`lib/${seed.path}`],
    }),
  },
];

const wholeFiles: Mistake[] = [
  {
    group: "patch: new file",
    expected: "apply",
    make: (seed) => {
      const lines = seed.lines.slice(0, -1).map((line) => `+${line}`);
      const edit = patch(["--- /dev/null", `+++ b/${seed.path}`, `@@ -0,0 +1,${lines.length} @@`, ...lines]);
      return { edit, files: {}, meant: { [seed.path]: seed.lines.join("\n") } };
    },
  },
  {
    group: "patch: new file that is there",
    expected: "refuse",
    make: (seed) => {
      const edit = patch(["--- /dev/null", `+++ b/${seed.path}`, "@@ -0,0 +1 @@", "+short"]);
      return { edit, after: null, names: [seed.path, "exists"] };
    },
  },
  {
    group: "patch: removed file",
    expected: "apply",
    make: (seed) => {
      const lines = seed.lines.slice(0, -1).map((line) => `-${line}`);
      const edit = patch([`--- a/${seed.path}`, "+++ /dev/null", `@@ -1,${lines.length} +0,0 @@`, ...lines]);
      return { edit, meant: { [seed.path]: null } };
    },
  },
  {
    group: "patch: removed file, only in part",
    expected: "refuse",
    make: (seed) => {
      const edit = patch([`--- a/${seed.path}`, "+++ /dev/null", "@@ -1 +0,0 @@", `-${seed.lines[0] ?? ""}`]);
      return isBlankLine(seed.lines[0] ?? "") ? undefined : { edit, after: null, names: [seed.path] };
    },
  },
  {
    group: "patch: rename with a change",
    expected: "apply",
    make: (seed) => {
      const { header, body } = hunkOf(seed);
      const path = `src/moved/${seed.id}.txt`;
      const names = [
        `diff --git a/${seed.path} b/${path}`,
        "similarity index 90%",
        `rename from ${seed.path}`,
        `rename to ${path}`,
      ];
      const edit = patch([...names, `--- a/${seed.path}`, `+++ b/${path}`, header, ...body]);
      return { edit, meant: { [seed.path]: null, [path]: afterOf(seed).join("\n") } };
    },
  },
  {
    group: "patch: rename onto a file that is there",
    expected: "refuse",
    make: (seed) => {
      const edit = patch([`rename from ${seed.path}`, "rename to src/taken.txt"]);
      const files = { [seed.path]: seed.lines.join("\n"), "src/taken.txt": "taken\n" };
      return { edit, files, after: null, names: ["src/taken.txt", "exists"] };
    },
  },
];

export const refusedPatches: readonly Mistake[] = [...stale, ...places, ...wholeFiles];
