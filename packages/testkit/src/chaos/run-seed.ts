// One seed: which plans, which twists, when what is killed. Everything follows from the number.
import { failpointNames } from "../failpoint/names.ts";
import { randomShape } from "./plan-shape.ts";
import { createRandom } from "./random.ts";
import type { Random } from "./random.ts";
import { runLives } from "./run-lives.ts";
import type { Life, RunResult } from "./run-lives.ts";
import type { ServerEntry } from "./server-process.ts";
import { createWorld } from "./world.ts";

const hour = 3_600_000;

/** Engine limits of a seed: what a second can show need not take half a minute. */
const seedLimits = { heartbeatMs: 400, pollMs: 150, cancelGraceMs: 1_500, baseBackoffMs: 500 };

/** Places that plans without a particular incident come by. */
const commonPoints = failpointNames.filter(
  (name) =>
    !/^(?:plan\.(?!record)|T1\.retry|T4|T9|T1[12]|tools\.cancel|git\.merge-tree|.*(?:conflict|continueMerge|restore))/u.test(
      name,
    ),
);

function randomLife(random: Random, jump: Life["jump"], hasRunner: boolean): Life {
  const isTargeted = random.chance(0.6);
  const killTool = random.chance(0.4)
    ? { afterMs: random.between(200, 1_500), ...(random.chance(0.5) ? { program: "effect" } : {}) }
    : undefined;
  return {
    target: isTargeted ? { name: random.pick(commonPoints), hit: random.between(1, 3) } : undefined,
    // NOTE: the shortest of these fall into the start of the server.
    killAfterMs: isTargeted ? 8_000 : random.between(100, 2_000),
    killTool,
    killRunnerAfterMs: hasRunner && random.chance(0.7) ? random.between(400, 1_500) : undefined,
    jump,
  };
}

export type SeedOptions = {
  seed: number;
  server: ServerEntry;
  /** Starts the tool runner in a process of its own. */
  runner: ServerEntry;
};

export type SeedResult = RunResult & { seed: number; folder: string };

/** Runs one seed; the files of one that found something are kept in `folder`. */
export async function runSeed({ seed, server, runner }: SeedOptions): Promise<SeedResult> {
  const random = createRandom(seed);
  const shapes = Array.from({ length: random.chance(0.7) ? 1 : 2 }, (_, index) => randomShape(`p${index}`, random));
  const hasRunner = random.chance(0.25);
  const offset = random.chance(0.15) ? random.pick([hour, -hour]) : 0;
  const jump = offset === 0 ? undefined : { afterMs: random.between(800, 1_800), toMs: offset };
  const count = random.pick([1, 1, 2, 2, 3]);
  const lives = Array.from({ length: count }, (_, index) =>
    randomLife(random, index === 0 ? jump : undefined, hasRunner),
  );
  const world = createWorld();
  const result = await runLives({
    world,
    random,
    shapes,
    lives,
    entry: server,
    runnerEntry: hasRunner ? runner : undefined,
    limits: seedLimits,
    // What was due by a clock that was ahead is due at the end, too.
    finalClockOffsetMs: Math.max(0, offset),
  });
  if (result.findings.length === 0) world.remove();
  return { ...result, seed, folder: world.folder };
}
