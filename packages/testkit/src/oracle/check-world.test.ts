// The oracle sees what happened outside the database: each test plants one violation.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { parseEvent } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { soundFacts, soundPlan } from "../testing/sound-plan.ts";
import { findEffectProblems, findRepeatedTurns } from "./check-effects.ts";
import type { EffectLine, RequestLine } from "./check-effects.ts";
import { replay } from "./check-rows.ts";
import { findLateNotices, findLateRecoveries, findStreamProblems } from "./check-streams.ts";
import { findBranchProblems, findCheckoutProblems, readBranch, readCheckout } from "./git-state.ts";
import { findArtifactProblems, findFolderLeftovers } from "./state-folder.ts";

const { events, plan } = soundFacts();

describe("I5, effects", () => {
  const line: EffectLine = { planId: plan.id, stepId: "a", callId: "1.0" };
  const problems = (lines: EffectLine[]) =>
    findEffectProblems(events, lines, (step, call) => `${step} ${call}` === "a 1.0");

  test("one effect of one call is sound", () => {
    expect(problems([line])).toEqual([]);
  });

  test("too many, too few, and one that never began", () => {
    expect(problems([line, line])).toEqual([
      "call 1.0 of a took effect 2 times but began 1 times",
      "call 1.0 of a may take effect once and did 2 times, 0 of them allowed again",
    ]);
    expect(problems([])).toEqual(["call 1.0 of a is said to have completed but took no effect"]);
    expect(problems([line, { ...line, callId: "9.0" }])).toEqual([
      "call 9.0 of a took effect 1 times but began 0 times",
    ]);
  });

  test("a command that was killed may have done nothing", () => {
    const killed = events.map((event) =>
      event.type === "tool.finished" ? parseEvent({ ...event, data: { ...event.data, exitCode: null } }) : event,
    );
    expect(findEffectProblems(killed, [], (step, call) => `${step} ${call}` === "a 1.0")).toEqual([]);
  });

  test("a call that was cut and recorded as cancelled; one that never began may be", () => {
    const cancelled = (isBegun: boolean) =>
      events
        .filter(({ type }) => isBegun || type !== "tool.started")
        .map((event) =>
          event.type === "tool.finished"
            ? parseEvent({ ...event, data: { ...event.data, state: "cancelled" } })
            : event,
        );
    expect(findEffectProblems(cancelled(true), [], () => true)).toEqual([
      "call 1.0 of a began and is said to have been cancelled",
    ]);
    expect(findEffectProblems(cancelled(false), [], () => true)).toEqual([]);
  });

  test("an end that was recorded twice", () => {
    const done = events.find((event) => event.type === "tool.finished")!;
    expect(findEffectProblems([...events, done], [line], () => false)).toEqual([
      "call 1.0 of a is said to have completed 2 times",
    ]);
  });

  test("a delivered turn that is asked for again; one that was cut may be", () => {
    const of = (event: RequestLine["event"], turn: number): RequestLine => ({ event, planId: "p", stepId: "a", turn });
    const started = "request.started";
    const delivered = "request.delivered";
    expect(findRepeatedTurns([of(started, 1), of(started, 1), of(delivered, 1), of(started, 2)])).toEqual([]);
    expect(findRepeatedTurns([of(started, 1), of(delivered, 1), of(started, 1)])).toEqual([
      "turn 1 of a was delivered and then asked for again",
    ]);
  });
});

describe("I10, streams", () => {
  const seen = (from: number, to: number) => ({ reader: "r", events: events.slice(from, to) });

  test("the whole log is sound, a part of it is not", () => {
    expect(findStreamProblems(events, [seen(0, events.length)])).toEqual([]);
    expect(findStreamProblems(events, [seen(0, 7), seen(0, 0)])).toEqual([
      `r saw 7 of ${events.length} events`,
      `r saw 0 of ${events.length} events`,
    ]);
  });

  test("a gap, a repetition, another content and more than the log", () => {
    const gap = { reader: "r", events: [...events.slice(0, 3), ...events.slice(4)] };
    expect(findStreamProblems(events, [gap])).toEqual(["r saw event 5 where the log has 4"]);
    const twice = { reader: "r", events: [...events.slice(0, 3), ...events.slice(2)] };
    expect(findStreamProblems(events, [twice])).toEqual(["r saw event 3 where the log has 4"]);
    const other = parseEvent({ ...events[0]!, data: { ...events[0]!.data, goal: "Another" } });
    expect(findStreamProblems(events, [{ reader: "r", events: [other] }])).toEqual([
      "r saw event 1 where the log has 1",
    ]);
    expect(findStreamProblems(events.slice(0, 2), [seen(0, 3)])).toEqual(["r saw event 3 where the log has nothing"]);
  });
});

describe("I11, recovery", () => {
  const lost = events.findIndex((event) => event.type === "step.lost");
  const late = (ms: number, first = lost + 1) =>
    events.map((event, index) =>
      index < first ? event : parseEvent({ ...event, at: new Date(Date.parse(event.at) + ms).toISOString() }),
    );

  test("within the bound is sound, and time without a server does not count", () => {
    const from = Date.parse(events[lost]!.at);
    expect(findLateRecoveries(events, [])).toEqual([]);
    expect(findLateRecoveries(late(60_000), [{ from, until: from + 60_000 }])).toEqual([]);
  });

  test("a dead worker is noticed in time, or late", () => {
    const noticed = late(60_000, lost);
    const from = Date.parse(events[lost]!.at);
    expect(findLateNotices(events, [])).toEqual([]);
    expect(findLateNotices(noticed, [{ from, until: from + 50_000 }])).toEqual([]);
    expect(findLateNotices(noticed, [])).toEqual(["b counted as lost only 61000 ms after its worker's last sign"]);
    expect(findLateNotices(noticed, [{ from, until: from + 1_000 }])).toEqual([
      "b counted as lost only 59000 ms after its worker's last sign",
    ]);
  });

  test("later is not", () => {
    expect(findLateRecoveries(late(60_000), [])).toEqual(["b was lost and went on only after 62000 ms"]);
  });
});

describe("I4 and I9, on the disk", () => {
  let folder: string;
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=T", "-c", "user.email=t@localhost", ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "ossaat-oracle-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const commit = (file: string, step: string) => {
    writeFileSync(path.join(folder, file), `${file}\n`);
    git("add", "-A");
    git("commit", "-q", "-m", `Do it\n\nOssaat-Step: ${step}`);
  };

  /** A repository with a branch of both steps, and the state of a plan that names it. */
  function makeRepository() {
    git("init", "-q", "-b", "main");
    commit("base.txt", "none");
    const base = git("rev-parse", "HEAD");
    git("checkout", "-q", "-b", "ossaat/x");
    commit("a.txt", "a");
    commit("b.txt", "b");
    const head = git("rev-parse", "HEAD");
    git("checkout", "-q", "main");
    const told = events.map((event) =>
      event.type === "plan.finished" ? parseEvent({ ...event, data: { ...event.data, commit: head } }) : event,
    );
    const { state } = replay(told);
    const files = { "base.txt": "base.txt", "a.txt": "a.txt", "b.txt": "b.txt" };
    return { base, expected: { plan: state!, events: told, files } };
  }

  test("a branch with one commit a step and the expected files is sound", () => {
    const { base, expected } = makeRepository();
    expect(findBranchProblems(readBranch(folder, "ossaat/x", base), expected)).toEqual([]);
    expect(expected.plan.plan?.steps.map(({ id }) => id)).toEqual(soundPlan.steps.map(({ id }) => id));
  });

  test("a commit that is missing, repeated or strange, other files, another head", () => {
    const { base, expected } = makeRepository();
    const branch = readBranch(folder, "ossaat/x", base)!;
    expect(findBranchProblems({ ...branch, commitSteps: ["a", "a", "q"] }, expected)).toEqual([
      "no commit of b is on the branch",
      'a commit of "q" is on the branch',
      "a has more than one commit on the branch",
    ]);
    expect(findBranchProblems(branch, { ...expected, files: { ...expected.files, "b.txt": "other" } })).toEqual([
      'b.txt on the branch is "b.txt"',
    ]);
    expect(findBranchProblems({ ...branch, commit: "0".repeat(40) }, expected)).toEqual([
      `the branch is at ${"0".repeat(40)}, the log names ${branch.commit}`,
    ]);
    expect(findBranchProblems(undefined, expected)).toEqual([`the log names ${branch.commit}, but there is no branch`]);
    const quiet = { ...expected, events: events.slice(0, -1) };
    expect(findBranchProblems(branch, quiet)).toEqual(["there is a branch that the log does not name"]);
  });

  test("a checkout that was touched", () => {
    makeRepository();
    const before = readCheckout(folder);
    expect(findCheckoutProblems(readCheckout(folder), before)).toEqual([]);
    writeFileSync(path.join(folder, "base.txt"), "changed\n");
    git("worktree", "add", "-q", path.join(folder, "tree"), "ossaat/x");
    git("checkout", "-q", "--detach");
    git("symbolic-ref", "HEAD", "refs/heads/other");
    git("update-ref", "refs/heads/other", "ossaat/x");
    const problems = findCheckoutProblems(readCheckout(folder), before);
    expect(problems[0]).toContain("HEAD moved to other");
    expect(problems).toContain("the checkout has 2 working trees");
    expect(problems.some((line) => line.includes("the checkout changed"))).toBe(true);
  });

  test("objects that git misses", () => {
    makeRepository();
    const before = readCheckout(folder);
    const blob = git("rev-parse", "ossaat/x:a.txt");
    rmSync(path.join(folder, ".git", "objects", blob.slice(0, 2), blob.slice(2)));
    expect(() => findCheckoutProblems(readCheckout(folder), before)).toThrow("fsck");
  });

  test("artifacts that are missing or damaged, and folders that are left", () => {
    const text = "kept";
    const ref = createHash("sha256").update(text).digest("hex");
    const told = events.map((event) =>
      event.type === "plan.finished" ? parseEvent({ ...event, data: { ...event.data, evidenceRef: ref } }) : event,
    );
    const file = path.join(folder, "artifacts", ref.slice(0, 2), ref);
    expect(findArtifactProblems(folder, told)).toEqual([`artifact ${ref} is missing`]);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
    expect(findArtifactProblems(folder, told)).toEqual([]);
    writeFileSync(file, "other");
    expect(findArtifactProblems(folder, told)).toEqual([`artifact ${ref} is damaged`]);

    expect(findFolderLeftovers(folder, { plan })).toEqual([]);
    mkdirSync(path.join(folder, "turns", plan.id), { recursive: true });
    mkdirSync(path.join(folder, "runner", "workspaces", plan.id), { recursive: true });
    expect(findFolderLeftovers(folder, { plan })).toEqual([
      "its working trees are still there",
      "its recorded turns are still there",
    ]);
  });
});
