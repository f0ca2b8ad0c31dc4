// Patches with `*** Update File:` sections and `@@` anchors, as models send them: right ones, ones
// with their usual slips, and ones that must be refused.
import { afterOf, indexesOf } from "./edit-case.ts";
import type { Seed } from "./edit-case.ts";
import { indent, isBlankLine, usesTabs } from "./seed-lines.ts";
import type { Made, Mistake } from "./seed-lines.ts";
import { changeOf, fileHeader, hunkOf, patch } from "./seed-patch.ts";

const isContext = (line: string): boolean => line.startsWith(" ");
const hasWord = (line: string): boolean => /[A-Za-z]{4}/u.test(line);
const bodyOf = (seed: Seed) => hunkOf(seed).body;

type Parts = { header?: readonly string[]; body?: readonly string[]; tail?: readonly string[] };

/** The true change of a seed as one section. */
function sectionOf(seed: Seed, { header = ["@@"], body = bodyOf(seed), tail = [] }: Parts = {}): string[] {
  return [`*** Update File: ${seed.path}`, ...header, ...body, ...tail];
}

const framed = (lines: readonly string[]) => ["*** Begin Patch", ...lines, "*** End Patch"];
const sent = (lines: readonly string[], end = "\n"): Made => ({ edit: patch(framed(lines), end) });

/** Index in the file of the first line of the hunk's old side. */
function firstOf(seed: Seed): number {
  return changeOf(seed).from - bodyOf(seed).findIndex((line) => !isContext(line));
}

/** A line above the hunk that it is indented under and that stands once in the file. */
function enclosing(seed: Seed): { at: number; text: string } | undefined {
  const first = firstOf(seed);
  const start = seed.lines.slice(first).find((line) => !isBlankLine(line));
  if (start === undefined) return undefined;
  for (let at = first - 1; at >= 0; at -= 1) {
    const text = (seed.lines[at] ?? "").trim();
    if (text === "" || indent(seed.lines[at] ?? "").length >= indent(start).length) continue;
    const same = seed.lines.filter((line) => line.trim().startsWith(text));
    return hasWord(text) && same.length === 1 ? { at, text } : undefined;
  }
  return undefined;
}

/** The whole file twice, each under a line of its own: every place exists twice. */
function twins(seed: Seed): { lines: string[]; after: string[]; body: string[]; second: number } | undefined {
  const step = usesTabs(seed) ? "\t" : "  ";
  const deeper = (lines: readonly string[]) => lines.map((line) => (isBlankLine(line) ? line : step + line));
  const own = deeper(seed.lines);
  const head = ["first twin block:", ...own, "second twin block:"];
  const body = bodyOf(seed).map((line) =>
    isBlankLine(line.slice(1)) ? line : line.slice(0, 1) + step + line.slice(1),
  );
  return { lines: [...head, ...own], after: [...head, ...deeper(afterOf(seed))], body, second: head.length };
}

const applied: Mistake[] = [
  { group: "sections: exact", expected: "apply", make: (seed) => sent(sectionOf(seed)) },
  {
    group: "sections: neither begin nor end",
    expected: "apply",
    make: (seed) => ({ edit: patch(sectionOf(seed)) }),
  },
  {
    group: "sections: no @@ line",
    expected: "apply",
    make: (seed) => sent(sectionOf(seed, { header: [] })),
  },
  {
    group: "sections: line numbers after @@",
    expected: "apply",
    make: (seed, pick) => sent(sectionOf(seed, { header: [`@@ -${pick(900)},4 +${pick(900)},5 @@`] })),
  },
  {
    group: "sections: as a shell would take it, in a fence",
    expected: "apply",
    make: (seed) => ({
      edit: patch(["```sh", "apply_patch <<'PATCH'", ...framed(sectionOf(seed)), "PATCH", "```"]),
    }),
  },
  {
    group: "sections: a unified diff between begin and end",
    expected: "apply",
    make: (seed) => sent([...fileHeader(seed.path), hunkOf(seed).header, ...bodyOf(seed)]),
  },
  { group: "sections: patch with CRLF", expected: "apply", make: (seed) => sent(sectionOf(seed), "\r\n") },
  {
    group: "sections: empty context without its space",
    expected: "apply",
    make: (seed) => {
      const body = bodyOf(seed);
      if (!body.some((line) => line === " ")) return undefined;
      return sent(sectionOf(seed, { body: body.map((line) => (line === " " ? "" : line)) }));
    },
  },
  {
    group: "sections: anchor is the enclosing line",
    expected: "apply",
    make: (seed) => {
      const found = enclosing(seed);
      return found === undefined ? undefined : sent(sectionOf(seed, { header: [`@@ ${found.text}`] }));
    },
  },
  {
    group: "sections: anchor chooses between two equal blocks",
    expected: "apply",
    make: (seed) => {
      const made = twins(seed);
      if (made === undefined) return undefined;
      const { lines: before, after, body } = made;
      return { ...sent(sectionOf(seed, { header: ["@@ second twin block:"], body })), before, after };
    },
  },
  {
    group: "sections: adds a file",
    expected: "apply",
    make: (seed) => {
      const text = afterOf(seed).at(-1) === "" ? afterOf(seed).slice(0, -1) : afterOf(seed);
      const made = sent([`*** Add File: new/${seed.path}`, ...text.map((line) => `+${line}`)]);
      return { ...made, meant: { [`new/${seed.path}`]: `${text.join("\n")}\n` } };
    },
  },
  {
    group: "sections: moves a file and changes it",
    expected: "apply",
    make: (seed) => {
      const [update = "", ...rest] = sectionOf(seed);
      const made = sent([update, `*** Move to: moved/${seed.path}`, ...rest]);
      return { ...made, meant: { [seed.path]: null, [`moved/${seed.path}`]: afterOf(seed).join("\n") } };
    },
  },
  {
    group: "sections: deletes a file",
    expected: "apply",
    make: (seed) => ({ ...sent([`*** Delete File: ${seed.path}`]), meant: { [seed.path]: null } }),
  },
];

const doubtful: Mistake[] = [
  {
    group: "sections: context without its mark",
    expected: "either",
    make: (seed) =>
      sent(sectionOf(seed, { body: bodyOf(seed).map((line) => (isContext(line) ? line.slice(1) : line)) })),
  },
  {
    group: "sections: anchor is the first context line",
    expected: "either",
    make: (seed) => {
      const first = bodyOf(seed).find((line) => isContext(line) && hasWord(line));
      return first === undefined ? undefined : sent(sectionOf(seed, { header: [`@@ ${first.trim()}`] }));
    },
  },
  {
    group: "sections: anchor cut short",
    expected: "either",
    make: (seed) => {
      const found = enclosing(seed);
      const short = found?.text.replace(/\W+$/u, "");
      return short === undefined || short === found?.text
        ? undefined
        : sent(sectionOf(seed, { header: [`@@ ${short}`] }));
    },
  },
];

const refused: Mistake[] = [
  {
    group: "sections: anchor that is no line",
    expected: "refuse",
    make: (seed) => {
      const found = enclosing(seed);
      if (found === undefined) return undefined;
      const anchor = found.text.replace(/[A-Za-z]{4,}/u, (word) => `${word}Old`);
      return { ...sent(sectionOf(seed, { header: [`@@ ${anchor}`] })), names: [`${firstOf(seed) + 1} |`] };
    },
  },
  {
    group: "sections: anchor of another block",
    expected: "refuse",
    make: (seed) => {
      const extra = ["unrelated block {", "  nothing of the kind", "}"];
      const before = [...extra, ...seed.lines];
      const made = sent(sectionOf(seed, { header: ["@@ unrelated block {"] }));
      return { ...made, before, after: null, names: [`${firstOf(seed) + extra.length + 1} |`] };
    },
  },
  {
    group: "sections: two equal blocks and no anchor",
    expected: "refuse",
    make: (seed) => {
      const made = twins(seed);
      if (made === undefined) return undefined;
      const places = indexesOf(
        made.lines,
        made.body.filter((line) => !line.startsWith("+")).map((line) => line.slice(1)),
      );
      const names = places.map((at) => String(at + 1));
      return { ...sent(sectionOf(seed, { body: made.body })), before: made.lines, after: null, names };
    },
  },
  {
    group: "sections: stale context",
    expected: "refuse",
    make: (seed) => {
      const body = bodyOf(seed);
      const index = body.findIndex((line) => isContext(line) && hasWord(line));
      if (index < 0) return undefined;
      const spoiled = body.map((line, at) =>
        at === index ? line.replace(/[A-Za-z]{4,}/u, (word) => `${word}Old`) : line,
      );
      return { ...sent(sectionOf(seed, { body: spoiled })), names: [(body[index] ?? "").trim()] };
    },
  },
  {
    group: "sections: added lines alone under an anchor",
    expected: "refuse",
    make: (seed) => {
      const found = enclosing(seed);
      const added = bodyOf(seed).filter((line) => line.startsWith("+"));
      if (found === undefined || added.length === 0) return undefined;
      return { ...sent(sectionOf(seed, { header: [`@@ ${found.text}`], body: added })), names: ["context"] };
    },
  },
  {
    group: "sections: end of file that is not there",
    expected: "refuse",
    make: (seed) => {
      const old = bodyOf(seed).filter((line) => !line.startsWith("+")).length;
      const last = seed.lines.at(-1) === "" ? seed.lines.length - 1 : seed.lines.length;
      if (firstOf(seed) + old >= last) return undefined;
      return { ...sent(sectionOf(seed, { tail: ["*** End of File"] })), names: [`${firstOf(seed) + 1} |`] };
    },
  },
  {
    group: "sections: new file without its marks",
    expected: "refuse",
    make: (seed) => ({
      ...sent([`*** Add File: new/${seed.path}`, ...afterOf(seed)]),
      names: [JSON.stringify(seed.lines.find((line) => !isBlankLine(line) && !line.startsWith("+")) ?? "")],
    }),
  },
  {
    group: "sections: adds a file that is there",
    expected: "refuse",
    make: (seed) => ({ ...sent([`*** Add File: ${seed.path}`, "+new"]), names: [`${seed.path} exists already`] }),
  },
  {
    group: "sections: file named twice",
    expected: "refuse",
    make: (seed) => ({ ...sent([...sectionOf(seed), ...sectionOf(seed)]), names: [seed.path] }),
  },
];

export const sectionMistakes: readonly Mistake[] = [...applied, ...doubtful, ...refused];
