// Runs dependency-cruiser over a tree and returns what it found.
import path from "node:path";

import { cruise } from "dependency-cruiser";
import type { ICruiseResult } from "dependency-cruiser";

import { forbidden } from "./rules.ts";

export type DependencyFindings = {
  modules: number;
  violations: { rule: string; from: string; to: string }[];
};

/** Checks the source folders below `baseDir` against every rule. */
export async function cruiseTree(baseDir: string): Promise<DependencyFindings> {
  const folders = ["packages", "services", "apps"];
  const { output } = await cruise(folders, {
    baseDir: path.resolve(baseDir),
    validate: true,
    ruleSet: { forbidden },
    exclude: { path: "node_modules/(?!@ossaat)|/demo/" },
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "types", "node"] },
  });
  const { modules, summary } = output as ICruiseResult;
  return {
    modules: modules.filter(({ source }) => /^(packages|services|apps)\//.test(source)).length,
    violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
  };
}
