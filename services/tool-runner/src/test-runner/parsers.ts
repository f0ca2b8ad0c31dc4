// Reads what test runners print. Each parser gives undefined when it does not recognise the
// output: an unknown output is never taken for a pass.
import type { Counts } from "./counts.ts";
import { clean, defined, lastNumber } from "./output-text.ts";
import { cargo, go } from "./parse-compiled.ts";
import { jest, mocha, nodeTest, vitest } from "./parse-javascript.ts";
import { gradle, maven } from "./parse-jvm.ts";
import { pytest, unittest } from "./parse-python.ts";

/** Words many other runners end with. */
function generic(output: string): Counts | undefined {
  const text = clean(output);
  const passed = lastNumber(text, /^\W*(\d+) (?:tests? )?pass(?:ed|ing|es)?\b/gmu);
  const failed = lastNumber(text, /^\W*(\d+) (?:tests? )?fail(?:ed|ing|ures?)?\b/gmu);
  if (passed === undefined && failed === undefined) return undefined;
  return { ...defined({ passed, failed }), failures: [] };
}

function any(output: string): Counts | undefined {
  for (const parse of [jest, mocha, nodeTest, pytest, unittest, cargo, maven, gradle, generic]) {
    const counts = parse(output);
    if (counts !== undefined) return counts;
  }
  return undefined;
}

export const parsers = { jest, vitest, mocha, nodeTest, pytest, unittest, go, cargo, maven, gradle, any };
