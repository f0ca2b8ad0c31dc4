// Kills a server at every failpoint, at its first and its second hit, and judges what is left of
// the plans. Which plans reach a place is found out by undisturbed runs.
import { failpointNames } from "../failpoint/names.ts";
import { describeFinding } from "../oracle/finding.ts";
import { createRandom } from "./random.ts";
import { runLives } from "./run-lives.ts";
import type { Life } from "./run-lives.ts";
import { scenarios } from "./scenarios.ts";
import type { Scenario } from "./scenarios.ts";
import type { ServerEntry } from "./server-process.ts";
import { createWorld } from "./world.ts";

/** Engine limits: what happens by the clock happens within a second. */
const hastened = { heartbeatMs: 300, pollMs: 100, cancelGraceMs: 1_500, baseBackoffMs: 100 };

/** Kills of one series: less than the losses after which a step counts as poison. */
const killsPerSeries = 3;

/** Series that run side by side. */
const parallel = 4;

/** Longest life of a server that waits for its target, ms. */
const longestLifeMs = 30_000;

export type Target = { key: string; name: string; hit: number };

/** Which scenario shows which places, each where it is reached first and in that order. */
export type KillPlan = {
  targets: ReadonlyMap<string, readonly Target[]>;
  /** The scenarios that came by a place, by its key. */
  reachedBy: ReadonlyMap<string, readonly Scenario[]>;
  /** Failpoints that no scenario reached. */
  unreached: string[];
  findings: string[];
};

export type KillReport = {
  /** Places at which no kill could be made. */
  missed: string[];
  findings: string[];
};

/** A life that only shows what it reaches. */
const undisturbed: Life = { target: { name: "nowhere", hit: 1 }, killAfterMs: longestLifeMs };

function toTarget(key: string): Target {
  const at = key.lastIndexOf(" ");
  return { key, name: key.slice(0, at), hit: Number(key.slice(at + 1)) };
}

async function runScenario(entry: ServerEntry, scenario: Scenario, lives: readonly Life[]) {
  const world = createWorld();
  const { shapes, before, losesMessages } = scenario;
  const own = lives.map((life, index): Life => (index === 0 ? { ...life, losesMessages } : life));
  const random = createRandom(1);
  const result = await runLives({ world, random, shapes, lives: [...before, ...own], entry, limits: hastened });
  const where = result.findings.length === 0 ? "" : ` (${world.folder})`;
  const killed = lives.flatMap(({ target }) => (target === undefined ? [] : [`${target.name} ${target.hit}`]));
  const findings = result.findings.map(
    (finding) => `${scenario.name}, killed at ${killed.join(", ")}: ${describeFinding(finding)}${where}`,
  );
  const reached = [...world.reached()];
  if (result.findings.length === 0) world.remove();
  return { reached, findings, hits: result.hits.map(({ name, hit }) => `${name} ${hit}`) };
}

async function inParallel(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const queue = [...tasks];
  const work = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) await task();
  };
  await Promise.all(Array.from({ length: parallel }, work));
}

/** Kills far apart of each other in one series, so that each still has something to interrupt. */
function series(targets: readonly Target[]): Target[][] {
  const count = Math.ceil(targets.length / killsPerSeries);
  return Array.from({ length: count }, (_, start) => targets.filter((_target, index) => index % count === start));
}

/** Runs every scenario undisturbed and finds out what there is to kill. @param entry starts the server */
export async function planKills(entry: ServerEntry): Promise<KillPlan> {
  const reached = new Map<string, string[]>();
  const reachedBy = new Map<string, Scenario[]>();
  const findings: string[] = [];
  await inParallel(
    scenarios.map((scenario) => async () => {
      const run = await runScenario(entry, scenario, [undisturbed]);
      reached.set(scenario.name, run.reached);
      for (const key of run.reached) reachedBy.set(key, [...(reachedBy.get(key) ?? []), scenario]);
      findings.push(...run.findings);
    }),
  );
  const taken = new Set<string>();
  const targets = new Map<string, Target[]>();
  for (const { name } of scenarios) {
    const fresh = (reached.get(name) ?? []).filter((key) => !taken.has(key));
    for (const key of fresh) taken.add(key);
    targets.set(name, fresh.map(toTarget));
  }
  return { targets, reachedBy, findings, unreached: failpointNames.filter((name) => !taken.has(`${name} 1`)) };
}

/** Kills a server at each of the places that the plan has for one scenario. */
export async function killEverywhere(entry: ServerEntry, plan: KillPlan, name: string): Promise<KillReport> {
  const scenario = scenarios.find((known) => known.name === name);
  const targets = plan.targets.get(name);
  if (scenario === undefined || targets === undefined) throw new Error(`there is no scenario ${name}`);
  const killed = new Set<string>();
  const findings: string[] = [];
  const kill = async (some: readonly Target[], where = scenario) => {
    const lives = some.map(({ name: at, hit }): Life => ({ target: { name: at, hit }, killAfterMs: longestLifeMs }));
    const run = await runScenario(entry, where, lives);
    for (const key of run.hits) killed.add(key);
    findings.push(...run.findings);
  };
  const pending = () => targets.filter(({ key }) => !killed.has(key));
  await inParallel(series(targets).map((some) => () => kill(some)));
  // What a kill before it made impossible is tried alone.
  await inParallel(pending().map((one) => () => kill([one])));
  // A sweep and a step that do the same thing at once reach a place twice by chance: plans that
  // always come by twice are asked then.
  for (const one of pending()) {
    for (const other of plan.reachedBy.get(one.key) ?? []) {
      if (other !== scenario && !killed.has(one.key)) await kill([one], other);
    }
  }
  return { missed: pending().map(({ key }) => key), findings };
}
