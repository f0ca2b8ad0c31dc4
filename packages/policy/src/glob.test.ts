import * as fc from "fast-check";
import picomatch from "picomatch";
import { describe, expect, it } from "vitest";

import { compileGlob, globLimits } from "./glob.ts";

const matches = (glob: string, path: string): boolean => compileGlob(glob)?.(path) === true;

describe("compileGlob", () => {
  it.each([
    ["src/**", "src/a/b.ts", true],
    ["src/**", "src", false],
    ["*/**", "a", false],
    ["**", "a", true],
    ["src/**", "srcs/a", false],
    ["**/*.ts", "a.ts", true],
    ["**/*.ts", ".x/.y.ts", true],
    ["*.ts", "a/b.ts", false],
    ["a/**/b", "a/b", true],
    ["a/**/b", "a/x/y/b", true],
    ["a**b", "axxb", true],
    ["a**b", "a/b", false],
    ["{src,docs}/**/*.{ts,md}", "docs/x/y.md", true],
    ["{src/{a,b},docs}/*", "src/b/c", true],
    ["{src/**,docs/*.md}", "docs/a/b.md", false],
    ["[a-c]?.ts", "bx.ts", true],
    ["[!a-c].ts", "b.ts", false],
    ["[!a].ts", "/.ts", false],
    ["[]a].ts", "].ts", true],
    ["[a.ts", "[a.ts", true],
    ["{a}", "{a}", true],
    ["{a,b", "{a,b", true],
    ["\\*.ts", "*.ts", true],
    ["\\*.ts", "a.ts", false],
    ["!a", "a", false],
    ["!a", "!a", true],
    ["+(a)", "aa", false],
    ["+(a)", "+(a)", true],
    ["@(a|b)", "a", false],
    ["a/", "a", false],
    ["", "a", false],
    ["*", "", false],
  ])("%s against %s: %s", (glob, path, expected) => {
    expect(matches(glob, path)).toBe(expected);
  });

  it("agrees with picomatch on simple patterns", () => {
    const name = fc.string({ unit: fc.constantFrom("a", "b", "."), minLength: 1, maxLength: 4 });
    const part = fc.constantFrom("a", "b", ".", "*", "?", "[ab]", "[^a]", "{a,bb}", "{*b,a}");
    const segment = fc.oneof(
      { weight: 1, arbitrary: fc.constant("**") },
      {
        weight: 4,
        // Two stars side by side mean different things to different libraries.
        arbitrary: fc
          .array(part, { minLength: 1, maxLength: 4 })
          .map((parts) => parts.join(""))
          .filter((text) => !text.includes("**") && !text.includes("*{*")),
      },
    );
    const isOrdinary = (text: string) => !text.split("/").some((each) => /^\.+$/u.test(each));
    const globs = fc.array(segment, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
    const paths = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
    const found = fc.check(
      fc.property(globs.filter(isOrdinary), paths.filter(isOrdinary), (glob, path) => {
        // There `src/**` takes in src itself, and `*/**` does not take in src.
        const theirs = glob.endsWith("/**") ? `${glob}/*` : glob;
        // Its fast path for `*.*` wants a character behind the dot, unlike the rest of it.
        const options = { dot: true, nonegate: true, fastpaths: false };
        return matches(glob, path) === picomatch.isMatch(path, theirs, options);
      }),
      { numRuns: 5_000 },
    );
    expect(fc.defaultReportMessage(found)).toBeUndefined();
  });

  it.each([
    ["stars", "*a".repeat(100) + "b", "a".repeat(250)],
    ["stars in a long path", "**/*a*a*a*a*a*a*b", "a/".repeat(2_000)],
    ["many globstars", "**/".repeat(150) + "x", "a/".repeat(2_000)],
    ["globstars and stars", "**/*a*a/".repeat(50) + "x", `${"a".repeat(200)}/`.repeat(20)],
    ["nested extglobs", "+(+(a)+(a)+(a))b", "a".repeat(250)],
    ["alternatives", `{${"*a,".repeat(40)}b}c`, "a".repeat(250)],
  ])("does a bounded amount of work for %s", (_name, glob, path) => {
    const tally = { steps: 0 };
    const matcher = compileGlob(glob);
    expect(matcher?.(path, tally)).toBe(false);
    // Characters of all alternatives, with one more each for its end, times those of the path.
    expect(tally.steps).toBeLessThan((globLimits.maxExpandedChars + globLimits.maxAlternatives) * (path.length + 1));
    expect(tally.steps).toBeGreaterThan(0);
  });

  it.each([
    ["too long", "a".repeat(globLimits.maxChars + 1)],
    ["too many alternatives", "{a,b}".repeat(20)],
    ["nested alternatives", `${"{a,".repeat(100)}b${"}".repeat(100)}`],
    ["long alternatives", `${"x".repeat(400)}{${"a,".repeat(30)}b}`],
  ])("refuses a pattern that is %s", (_name, glob) => {
    expect(compileGlob(glob)).toBeUndefined();
  });
});
