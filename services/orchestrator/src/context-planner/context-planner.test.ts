import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findGraphProblems } from "@ossaat/contracts";
import type { Plan, RepositoryRef } from "@ossaat/contracts";
import { createIndexer } from "@ossaat/indexer";
import type { Indexer } from "@ossaat/indexer";
import { makeRepository, shopFiles } from "@ossaat/indexer/testing";
import type { TestRepository } from "@ossaat/indexer/testing";
import { assert, asyncProperty, constantFrom, tuple } from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { PlanDraft } from "../plan/plan-draft.ts";
import { createContextPlanner } from "./context-planner.ts";
import type { ContextPlanner } from "./context-planner.ts";
import { awkwardFiles, goFiles, pythonFiles, rustFiles } from "./fixtures.ts";
import { plannerLimits } from "./limits.ts";

let cacheDir: string;
let index: Indexer;
let planner: ContextPlanner;
const repositories: Record<string, TestRepository> = {};

beforeAll(() => {
  cacheDir = mkdtempSync(join(tmpdir(), "ossaat-planner-"));
  index = createIndexer({ cacheDir });
  planner = createContextPlanner({ index });
  const fixtures = {
    shop: shopFiles,
    python: pythonFiles,
    go: goFiles,
    rust: rustFiles,
    awkward: awkwardFiles,
    empty: {},
  };
  for (const [name, files] of Object.entries(fixtures))
    repositories[name] = makeRepository({ message: "Start", files });
});

afterAll(async () => {
  await index.close();
  for (const repository of Object.values(repositories)) repository.remove();
  rmSync(cacheDir, { recursive: true, force: true });
});

function refOf(name: string): RepositoryRef {
  const repository = repositories[name];
  if (repository === undefined) throw new Error(`no fixture ${name}`);
  return repository.ref;
}

const propose = (name: string, goal: string) => planner.propose({ goal, repository: refOf(name) });

const filesOf = (draft: PlanDraft) => draft.steps.map(({ files }) => files);

describe("kinds of goals", () => {
  test("a fix names the definition with its line, its test file and the test command", async () => {
    const draft = await propose("shop", "Fix the coupon discount: it must never make the total negative");
    expect(draft.steps).toHaveLength(1);
    expect(draft.steps[0]).toMatchObject({
      id: "fix-1",
      files: ["src/cart/cart-total.ts", "src/cart/cart-total.test.ts"],
      paths: [],
      needs: [],
    });
    expect(draft.steps[0]?.rationale).toContain("`applyCoupon` (src/cart/cart-total.ts:8)");
    expect(draft.testCommand).toEqual(["pnpm", "test"]);
    expect(draft.successCriteria).toContain("`pnpm test` exits 0 in the sandbox.");
  });

  test("two goals give different steps", async () => {
    const coupon = await propose("shop", "Fix the coupon discount");
    const retry = await propose("shop", "Let the retry backoff be configured");
    expect(filesOf(coupon)).not.toEqual(filesOf(retry));
    expect(filesOf(retry)[0]).toContain("src/http/retry-request.ts");
    expect(retry.summary).not.toBe(coupon.summary);
  });

  test("a rename covers every file with the name, and no other", async () => {
    const draft = await propose("python", "Rename parse_address to split_address");
    expect(filesOf(draft)).toEqual([
      expect.arrayContaining(["mail/address.py", "mail/render.py", "tests/test_address.py"]),
    ]);
    expect(draft.steps[0]?.files).toHaveLength(3);
    expect(draft.steps[0]?.rationale).toContain("`parse_address` (mail/address.py:1) is the definition");
  });

  test("tests that are asked for are written into the test file alone", async () => {
    const draft = await propose("python", "Add tests for MessageQueue.drain");
    expect(draft.steps).toMatchObject([{ id: "test-1", files: ["tests/test_queue.py"], paths: [] }]);
    expect(draft.steps[0]?.summary).toContain("`MessageQueue.drain` (mail/queue.py:5)");
  });

  test("documents that are asked for follow the change they describe", async () => {
    const draft = await propose("shop", "Add a currency to cartTotal and document it in docs/cart.md");
    expect(draft.steps).toMatchObject([
      { id: "feature-1", needs: [] },
      { id: "docs-2", needs: ["feature-1"], files: ["docs/cart.md"] },
    ]);
  });

  test("tests that are asked for besides a change are a step of their own", async () => {
    const draft = await propose("shop", "Add a currency to cartTotal and add tests for it");
    expect(draft.steps).toMatchObject([
      { id: "feature-1", files: ["src/cart/cart-total.ts"] },
      { id: "test-2", needs: ["feature-1"], files: ["src/cart/cart-total.test.ts"] },
    ]);
  });

  test("one part of a goal is one step, however many files share a word", async () => {
    const draft = await propose("shop", "Show the total of the server");
    expect(draft.steps).toHaveLength(1);
  });

  test("independent parts stand side by side", async () => {
    const draft = await propose("go", "Fix the cargo load of Truck and add a maximum length to ShortestPath");
    expect(draft.steps).toMatchObject([
      { needs: [], files: ["truck.go", "truck_test.go"] },
      { needs: [], files: ["route/planner.go"], paths: ["route/*.go", "route/*_test.go"] },
    ]);
  });

  test("parts that write the same file are put in an order", async () => {
    const draft = await propose("shop", "Fix cartTotal for empty carts; add rounding to applyCoupon");
    expect(draft.steps).toMatchObject([{ id: "fix-1" }, { id: "feature-2", needs: ["fix-1"] }]);
  });

  test("a dependency is raised in its manifest and lock file, then its users are adapted", async () => {
    const draft = await propose("go", "Bump github.com/acme/wheel to v2.0.0");
    expect(draft.steps).toMatchObject([
      { id: "dependency-1", files: ["go.mod", "go.sum"], commands: ["go mod tidy"], risk: "medium" },
      { id: "dependency-1-uses", files: ["truck.go"], needs: ["dependency-1"] },
    ]);
    expect(draft.risks.join(" ")).toContain("network");
  });

  test("a broken build starts with the project's own command", async () => {
    const draft = await propose("shop", "The build fails");
    expect(draft.steps).toMatchObject([{ id: "build-1", files: ["package.json"], commands: ["pnpm run build"] }]);
  });

  test("an unknown dependency and an unknown name are not made up", async () => {
    const bump = await propose("go", "Bump github.com/acme/rocket to v9.0.0");
    expect(bump.steps.flatMap(({ files }) => files)).toEqual([]);
    const rename = await propose("go", "Rename LaunchRocket to StartRocket");
    expect(rename.steps.flatMap(({ files }) => files)).toEqual([]);
  });

  test("a path that does not exist is marked as a new file", async () => {
    const draft = await propose("shop", "Add a currency table in src/cart/currency.ts");
    expect(draft.steps[0]?.files).not.toContain("src/cart/currency.ts");
    expect(draft.steps[0]?.paths).toContain("src/cart/currency.ts");
    expect(draft.assumptions.join(" ")).toContain("src/cart/currency.ts does not exist yet");
  });

  test("a goal that matches nothing says so and begins with the search for the place", async () => {
    const draft = await propose("rust", "Reticulate the splines of the hyperdrive");
    expect(draft.steps).toMatchObject([{ files: [], paths: ["src/**"] }]);
    expect(draft.steps[0]?.title).toContain("Locate the place");
    expect(draft.assumptions[0]).toContain("No file matches the words “reticulate”, “splines” and “hyperdrive”");
  });

  test("an empty repository gives a plan that admits it knows nothing", async () => {
    const draft = await propose("empty", "Add a web server");
    expect(draft.steps).toMatchObject([{ files: [], paths: ["**"] }]);
    expect(draft.testCommand).toBeUndefined();
    expect(draft.assumptions.join(" ")).toContain("No command that runs the project's tests was found");
  });

  test("names that cannot stand in a plan are passed over", async () => {
    const draft = await propose("awkward", "Fix renderInvoice on the invoice page");
    expect(draft.steps.flatMap(({ files }) => files)).toContain("app/[id]/page.ts");
    expect(JSON.stringify(draft)).not.toMatch(/\\n\w*voice\.ts|\u202e/u);
  });

  test("the summary says that no model was used", async () => {
    const draft = await propose("rust", "Let ignore_case match umlauts");
    expect(draft.summary).toContain("without a model");
    expect(draft.summary).toContain(refOf("rust").commit.slice(0, 12));
  });
});

describe("what always holds", () => {
  const verbs = [
    "Fix",
    "Add",
    "Rename",
    "Refactor",
    "Remove",
    "Document",
    "Add tests for",
    "Bump",
    "Make the build of",
    "Support",
  ];
  const things = [
    "coupon total",
    "MessageQueue.drain",
    "parse_address to x_y",
    "Truck Load",
    "src/cart/item.ts",
    "zzz qqq",
    "`find_match`",
    "wheel to v2",
    "README",
    "it",
  ];
  const joints = [
    "",
    " and fix the retry delay",
    "; document it",
    " and add tests for it",
    ", then rename cartTotal to total",
  ];

  test("every file and every name:line of any plan exists at the commit", async () => {
    const goals = tuple(
      constantFrom("shop", "python", "go", "rust"),
      constantFrom(...verbs),
      constantFrom(...things),
      constantFrom(...joints),
    );
    await assert(
      asyncProperty(goals, async ([name, verb, thing, joint]) => {
        const repository = refOf(name);
        const draft = await propose(name, `${verb} ${thing}${joint}`);
        const known = await index.listPaths({ ...repository, pathPrefix: "", limit: 1_000 });
        expect(PlanDraft.parse(draft)).toEqual(draft);
        expect(draft.steps.flatMap(({ files }) => files).filter((path) => !known.includes(path))).toEqual([]);
        expect(draft.steps.filter(({ files, paths }) => files.length + paths.length === 0)).toEqual([]);
        expect(findGraphProblems(draft as unknown as Plan)).toEqual([]);
        for (const [, symbol = "", path = "", line] of JSON.stringify(draft).matchAll(
          /`([^`]+)` \(([^\s()]+):(\d+)\)/gu,
        )) {
          const outline = await index.outline({ ...repository, path });
          const names = outline.filter((own) => own.line === Number(line)).map((own) => own.name);
          expect(names).toContain(symbol.split(".").at(-1));
        }
      }),
      { numRuns: 40, seed: 7 },
    );
  }, 60_000);

  test("the same goal gives the same plan", async () => {
    const goal = "Add a limit to drain and document it";
    expect(await propose("python", goal)).toEqual(await propose("python", goal));
  });
});

describe("context for a model", () => {
  test("holds profile, guidance, places and outlines", async () => {
    const context = await planner.gatherContext({ goal: "Fix the coupon discount", repository: refOf("shop") });
    expect(context.guidance).toEqual([{ path: "AGENTS.md", text: shopFiles["AGENTS.md"] }]);
    expect(context.text).toContain("Tests: `pnpm test` (package.json scripts.test).");
    expect(context.text).toContain("## Guidance (AGENTS.md)");
    expect(context.text).toContain("export function applyCoupon");
    expect(context.text).toContain("### Outline of src/cart/cart-total.ts");
    expect(context.sources[0]).toMatch(/^src\/cart\/cart-total\.ts:\d+-\d+$/u);
    expect(context.hits[0]?.path).toBe("src/cart/cart-total.ts");
  });

  test("stays within its budget of characters", async () => {
    const body = "    total = total + coupon_value\n".repeat(60);
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, n) => [`src/coupon_${n}.py`, `def coupon_total_${n}(total):\n${body}`]),
    );
    const big = makeRepository({ message: "Start", files: { ...files, "AGENTS.md": "rule\n".repeat(5_000) } });
    repositories["big"] = big;
    const context = await planner.gatherContext({ goal: "Fix the coupon total", repository: big.ref });
    expect(context.text.length).toBeLessThanOrEqual(plannerLimits.maxContextChars);
    expect(context.sources.length).toBeGreaterThan(3);
    expect(context.text).toContain("[cut off]");
  });
});
