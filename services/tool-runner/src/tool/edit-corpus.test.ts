// Every edit of the corpus either applies exactly as meant or is refused with words that name what
// is there; the figures are printed and written beside the reports of the tests.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { AgentError, Envelope } from "@ossaat/contracts";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { wideEnvelope } from "../testing/open-runner.ts";
import { planPatch } from "./apply-patch.ts";
import { judge, readSeeds } from "./corpus/edit-case.ts";
import type { EditCase, Outcome, Verdict } from "./corpus/edit-case.ts";
import { makeCorpus } from "./corpus/make-corpus.ts";
import { planEdit } from "./edit-file.ts";

const dir = makeTempDir();
afterAll(() => dir.remove());

const envelope = Envelope.parse(wideEnvelope);

type Matcher = (one: EditCase) => Promise<Outcome>;

let folders = 0;

/** A folder with the files of a case. */
function layOut({ files }: EditCase): string {
  folders += 1;
  const root = dir.at(`case-${folders}`);
  mkdirSync(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(`${root}/${path}`), { recursive: true });
    writeFileSync(`${root}/${path}`, content);
  }
  return root;
}

/** The tools' own way from a call to what it would write. */
const ours: Matcher = async (one) => {
  const { edit } = one;
  const root = layOut(one);
  const context = { files: openWorkspaceFiles(root), envelope, approvedOutside: false };
  try {
    if (edit.tool === "edit_file") {
      const { path, data } = await planEdit(context, edit);
      return { kind: "applied", files: { [path]: data.toString("utf8") } };
    }
    const { changes } = await planPatch(context, edit.patch);
    const files = changes.map(({ path, data }) => [path, data?.toString("utf8") ?? null] as const);
    return { kind: "applied", files: Object.fromEntries(files) };
  } catch (error) {
    if (error instanceof AgentError) return { kind: "refused", message: error.message };
    throw error;
  } finally {
    rmSync(root, { recursive: true });
  }
};

/** `due`: cases in which it is right to apply the edit. */
type Row = {
  group: string;
  cases: number;
  due: number;
  applied: number;
  refused: number;
  wrong: number;
  other: number;
};
type Figures = { rows: Row[]; failures: string[]; total: Row };

async function measure(cases: readonly EditCase[], matcher: Matcher): Promise<Figures> {
  const rows = new Map<string, Row>();
  const total: Row = { group: "all", cases: 0, due: 0, applied: 0, refused: 0, wrong: 0, other: 0 };
  const failures: string[] = [];
  for (const one of cases) {
    const outcome = await matcher(one);
    const verdict: Verdict = judge(one, outcome);
    const row = rows.get(one.group) ?? {
      ...total,
      group: one.group,
      cases: 0,
      due: 0,
      applied: 0,
      refused: 0,
      wrong: 0,
      other: 0,
    };
    rows.set(one.group, row);
    for (const each of [row, total]) {
      each.cases += 1;
      if (one.expected !== "refuse") each.due += 1;
      if (verdict === "applied as meant") each.applied += 1;
      else if (verdict === "refused") each.refused += 1;
      else if (verdict === "wrong") each.wrong += 1;
      else each.other += 1;
    }
    if (verdict !== "applied as meant" && verdict !== "refused") {
      failures.push(
        `${one.id}: ${verdict}\n${outcome.kind === "refused" ? outcome.message : JSON.stringify(outcome.files)}`,
      );
    }
  }
  return { rows: [...rows.values()], failures, total };
}

/** The figures as a table, and as a file beside the reports of the tests. */
function publish({ rows, total }: Figures): void {
  const percent = (row: Row) => (row.due === 0 ? "" : `${((100 * row.applied) / row.due).toFixed(1)} %`);
  const line = (row: Row) =>
    `${row.group.padEnd(56)}${[row.cases, row.due, row.applied, row.refused, row.wrong].map((count) => String(count).padStart(8)).join("")}${percent(row).padStart(9)}`;
  const head = `${"edits".padEnd(56)}   cases     due applied refused   wrong  as meant`;
  process.stdout.write(`${[head, ...rows.map(line), line(total)].join("\n")}\n`);
  const report = fileURLToPath(new URL("../../../../.tools/reports/edits.json", import.meta.url));
  mkdirSync(dirname(report), { recursive: true });
  writeFileSync(report, `${JSON.stringify({ schemaVersion: 1, rows, total }, null, 2)}\n`);
}

const cases = makeCorpus();
let figures: Figures;
beforeAll(async () => {
  figures = await measure(cases, ours);
  publish(figures);
  // A thousand cases on real files: seconds when the machine is busy.
}, 120_000);

/** What is asked of the figures; a matcher that guesses, and one that refuses all, must break it. */
function complaints({ rows, total, failures }: Figures): string[] {
  return [
    ...failures,
    ...(total.applied < total.due * leastApplied ? [`only ${total.applied} of ${total.due} edits were applied`] : []),
    ...rows.filter(({ cases: count }) => count < leastCases).map(({ group }) => `${group} has too few cases`),
  ];
}

/** Share of the edits that may be applied which must be. */
const leastApplied = 0.95;
/** Cases of each kind at least. */
const leastCases = 8;

/** What careless tools do: compare without white space, take the first place, write the new text as it is. */
const firstFuzzy: Matcher = async ({ edit, files }) => {
  const hunks = edit.tool === "edit_file" ? [edit] : sidesOf(edit.patch, Object.keys(files)[0] ?? "");
  const changed: Record<string, string> = {};
  for (const { path, oldText, newText } of hunks) {
    const lines = (changed[path] ?? files[path] ?? "").split("\n");
    const old = oldText.split("\n").map((line) => line.trim());
    const at = lines.findIndex((_line, start) => old.every((line, index) => lines[start + index]?.trim() === line));
    if (at < 0) return { kind: "refused", message: "no match" };
    changed[path] = [...lines.slice(0, at), ...newText.split("\n"), ...lines.slice(at + old.length)].join("\n");
  }
  return { kind: "applied", files: changed };
};

/** The two sides of each hunk of a patch, as a careless tool reads them. */
function sidesOf(patch: string, path: string): { path: string; oldText: string; newText: string }[] {
  const bodies = patch.split(/^@@.*$/mu).slice(1);
  return bodies.map((body) => {
    const lines = body.split("\n").filter((line) => line !== "" && !/^(?:---|\+\+\+|diff|\\|`)/u.test(line));
    const side = (sign: string) => lines.filter((line) => !line.startsWith(sign)).map((line) => line.slice(1));
    return { path, oldText: side("+").join("\n"), newText: side("-").join("\n") };
  });
}

describe("the corpus", () => {
  it("is large, has distinct cases, and reaches every language", () => {
    expect(cases.length).toBeGreaterThanOrEqual(300);
    expect(new Set(cases.map(({ id }) => id)).size).toBe(cases.length);
    const texts = cases.map(({ files, edit }) => JSON.stringify([files, edit]));
    expect(new Set(texts).size).toBeGreaterThan(cases.length * 0.97);
    const languages = new Set(readSeeds().map(({ path }) => path.split(/[./]/u).at(-1)));
    expect([...languages].map(String).sort()).toEqual([
      "Makefile",
      "css",
      "go",
      "java",
      "js",
      "json",
      "md",
      "py",
      "rb",
      "rs",
      "sh",
      "sql",
      "svelte",
      "ts",
      "yaml",
    ]);
  });

  it("is applied as meant or refused with what is there, and never applied wrongly", () => {
    expect(complaints(figures)).toEqual([]);
    expect(figures.total.wrong).toBe(0);
  });

  it("is failed by a matcher that takes the first place that fits somehow", async () => {
    const careless = await measure(cases, firstFuzzy);
    expect(careless.total.wrong).toBeGreaterThan(100);
    expect(careless.rows.filter(({ wrong }) => wrong > 0).length).toBeGreaterThan(30);
    expect(complaints(careless)).not.toEqual([]);
  });

  it("is failed by a matcher that refuses everything", async () => {
    const timid = await measure(cases, async () => ({ kind: "refused", message: "no" }));
    expect(timid.total.wrong).toBe(0);
    expect(complaints(timid).length).toBeGreaterThan(400);
  });
});
