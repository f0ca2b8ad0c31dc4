// Checks the rules in `infra/policies`: format, strict check, tests with coverage, mutants, and that
// the compiled rules are what the sources give. Each check is also run on a planted failure.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { compilePolicy, manifestText, policyOutput, policySources } from "./compile-policy.ts";
import { testMutants } from "./mutate-policy.ts";
import { runOpa } from "./opa.ts";
import type { Outcome } from "./opa.ts";

const root = process.cwd();

/** Lines of the rules that tests must run, percent. */
const minCoverage = "90";

type Check = {
  name: string;
  run(folder: string): Outcome;
  /** File of the copy that is spoilt, how, and what the report must then contain. */
  planted: { file: string; spoil(text: string): string; expected: string };
};

const rules = `${policySources}/orchestrator/capabilities.rego`;
const tests = `${policySources}/orchestrator/capabilities_test.rego`;

/** Built-in functions the rules may use: ones that the wasm runtime has, and that need no clock or network. */
const builtins =
  "assign eq equal neq gt count internal.member_2 is_array is_boolean is_null is_number is_object is_string object.get";

/** A built-in that wasm lacks would fail when it is first reached, which may be long after the release. */
function checkBuiltins(folder: string): Outcome {
  const place = mkdtempSync(path.join(tmpdir(), "ossaat-builtins-"));
  const all = JSON.parse(runOpa(["capabilities", "--current"], folder).text) as { builtins: { name: string }[] };
  const allowed = { ...all, builtins: all.builtins.filter(({ name }) => builtins.split(" ").includes(name)) };
  const file = path.join(place, "capabilities.json");
  writeFileSync(file, JSON.stringify(allowed));
  const outcome = runOpa(["check", "--capabilities", file, "--ignore", "*_test.rego", policySources], folder);
  rmSync(place, { recursive: true });
  return outcome;
}

function checkCompiled(folder: string): Outcome {
  const { wasm, manifest } = compilePolicy(folder);
  const committed = readFileSync(path.join(folder, policyOutput, "policy.wasm"));
  const text = readFileSync(path.join(folder, policyOutput, "manifest.json"), "utf8");
  const problems = [
    ...(wasm.equals(committed) ? [] : ["policy.wasm is not what the sources give"]),
    ...(text === manifestText(manifest) ? [] : ["manifest.json is not what the sources give"]),
  ];
  return {
    ok: problems.length === 0,
    text: problems.map((problem) => `${problem}: run \`make policy-build\``).join("\n"),
  };
}

const checks: readonly Check[] = [
  {
    name: "format",
    run: (folder) => runOpa(["fmt", "--list", "--fail", policySources], folder),
    planted: { file: rules, spoil: (text) => `${text}\nugly   if   true\n`, expected: "capabilities.rego" },
  },
  {
    name: "check",
    run: (folder) => runOpa(["check", "--strict", policySources], folder),
    planted: { file: rules, spoil: (text) => `${text}\nloose if {\n\tunused := 1\n}\n`, expected: "unused" },
  },
  {
    name: "builtins",
    run: checkBuiltins,
    planted: { file: rules, spoil: (text) => `${text}\nnow := time.now_ns()\n`, expected: "time.now_ns" },
  },
  {
    name: "tests",
    run: (folder) => runOpa(["test", policySources], folder),
    planted: {
      file: rules,
      spoil: (text) => text.replace('rule.effect == "deny"', 'rule.effect == "never"'),
      expected: "FAIL",
    },
  },
  {
    name: "coverage",
    run: (folder) => runOpa(["test", policySources, "--coverage", "--threshold", minCoverage], folder),
    planted: {
      file: tests,
      spoil: (text) => text.replaceAll(/^test_(?!allows_inside)/gmu, "untested_"),
      expected: "coverage",
    },
  },
  {
    name: "compiled",
    run: checkCompiled,
    planted: {
      file: rules,
      spoil: (text) => text.replaceAll("step_not_approved", "step_unapproved"),
      expected: "wasm",
    },
  },
];

function withCopy<T>(work: (folder: string) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-policy-check-"));
  try {
    for (const name of [policySources, policyOutput]) {
      cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
    }
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function runPlanted(check: Check): Outcome {
  const { planted } = check;
  return withCopy((folder) => {
    const file = path.join(folder, planted.file);
    writeFileSync(file, planted.spoil(readFileSync(file, "utf8")));
    return check.run(folder);
  });
}

function runCheck(check: Check): Outcome {
  const planted = runPlanted(check);
  if (planted.ok || !planted.text.includes(check.planted.expected)) {
    const { expected } = check.planted;
    return { ok: false, text: `the check did not report its planted failure (${expected}):\n${planted.text}` };
  }
  return check.run(root);
}

function checkMutants(): Outcome {
  const { caught, survived } = testMutants(root);
  console.log(`${caught} mutants caught, ${survived.length} survived`);
  return { ok: survived.length === 0, text: survived.join("\n") };
}

const outcomes = [
  ...checks.map((check): [string, Outcome] => [check.name, runCheck(check)]),
  ["mutants", checkMutants()] as [string, Outcome],
];
for (const [name, { ok, text }] of outcomes) {
  console.log(`${ok ? "ok  " : "FAIL"} ${name}`);
  if (!ok) console.log(text);
}
const failed = outcomes.filter(([, { ok }]) => !ok).length;
console.log(`${outcomes.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
