import { availableParallelism } from "node:os";

import { defineConfig } from "vitest/config";

const shared = { environment: "node", restoreMocks: true, dangerouslyIgnoreUnhandledErrors: false } as const;

/** A guard against hangs, not a measure: a busy machine is no failure. */
const patient = { testTimeout: 30_000, hookTimeout: 60_000 };

/** Which cases property tests draw. */
const drawsCases = "tools/test/property-seed.ts";

/** The services of deployments, ready to start. */
const fleet = "apps/cli/src/testing/vitest-fleet.ts";

const unitTests = ["{apps,packages,services,tools}/**/*.test.ts"];
const notUnit = ["**/node_modules/**", "**/*.{e2e,sandbox,attacks,pg,rabbit,kafka,browser}.test.ts"];
/** Unit tests that start many processes. */
const startMany = [
  "services/tool-runner/**/*.test.ts",
  "services/orchestrator/src/{step,archive,compose}/**/*.test.ts",
];

/** Long tests that need the machine alone: they use both processors and judge how soon work goes on. */
const alone = ["apps/cli/src/failpoints.faults.e2e.test.ts"];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          ...shared,
          name: "unit",
          // One module graph for all files of a worker: most of what they cost is importing.
          isolate: false,
          setupFiles: [drawsCases],
          include: unitTests,
          exclude: [...notUnit, ...startMany],
          ...patient,
        },
      },
      {
        test: {
          ...shared,
          name: "unit-apart",
          // A worker of its own for each file: one for all of them grows, and starting git takes the longer
          // the larger its parent is.
          setupFiles: [drawsCases],
          include: startMany,
          // Two, where one is usual for two processors: they wait for what they start.
          maxWorkers: Math.max(2, availableParallelism() - 1),
          exclude: notUnit,
          ...patient,
        },
      },
      {
        test: {
          ...shared,
          name: "sandbox",
          include: ["{apps,packages,services}/**/*.sandbox.test.ts"],
          exclude: ["**/node_modules/**"],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          ...shared,
          name: "e2e",
          include: ["{apps,packages,services}/**/*.e2e.test.ts"],
          exclude: ["**/node_modules/**", "**/*.{faults,cli}.e2e.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...shared,
          name: "cli",
          include: ["apps/cli/**/*.cli.e2e.test.ts"],
          exclude: ["**/node_modules/**"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...shared,
          name: "pg",
          // The engine's own tests run here again, as they are: their engine stands on PostgreSQL.
          include: [
            "{apps,packages,services}/**/*.pg.test.ts",
            "services/orchestrator/src/{job,job/adapters,plan,approval,event,compose,metrics,reconcile}/*.test.ts",
            "services/orchestrator/src/step/{crash-resume,execute-call,run-finish-step,zombie-turn}.test.ts",
          ],
          // The clock of a process moves nothing there: skewed-clock.pg.test.ts.
          exclude: ["**/node_modules/**", "**/*.{e2e,sandbox,rabbit,kafka}.test.ts", "**/follow-clock.test.ts"],
          globalSetup: ["packages/testkit/src/servers/vitest-postgres.ts", fleet],
          setupFiles: [drawsCases, "services/orchestrator/src/testing/use-postgres.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...shared,
          name: "kafka",
          include: ["{apps,packages,services}/**/*.kafka.test.ts"],
          exclude: ["**/node_modules/**"],
          globalSetup: [
            "packages/testkit/src/servers/vitest-kafka.ts",
            "packages/testkit/src/servers/vitest-postgres.ts",
            fleet,
          ],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...shared,
          name: "rabbit",
          include: ["{apps,packages,services,tools}/**/*.rabbit.test.ts"],
          exclude: ["**/node_modules/**"],
          globalSetup: ["packages/testkit/src/servers/vitest-postgres.ts", fleet],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...shared,
          name: "attacks",
          include: ["{apps,packages,services}/**/*.attacks.test.ts"],
          exclude: ["**/node_modules/**"],
          testTimeout: 180_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...shared,
          name: "faults",
          include: ["{apps,packages,services,tools}/**/*.faults.e2e.test.ts"],
          exclude: ["**/node_modules/**", ...alone],
          testTimeout: 1_200_000,
          hookTimeout: 120_000,
          // They mostly wait: for servers that come up, for leases, for a disk that is full.
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...shared,
          name: "faults-alone",
          include: alone,
          testTimeout: 1_200_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
