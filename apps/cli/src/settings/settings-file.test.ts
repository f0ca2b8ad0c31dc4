import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { AgentError } from "@ossaat/contracts";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { changeSettingsFile, readSettingsFile } from "./settings-file.ts";
import type { FileKind } from "./settings-file.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "ossaat-settings-"));
  file = path.join(folder, "ossaat.yaml");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function problemOf(text: string, kind: FileKind = "user"): Promise<string> {
  writeFileSync(file, text, { mode: 0o644 });
  const error = await readSettingsFile(file, kind).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof AgentError)) throw new Error(`no problem was found: ${String(error)}`);
  expect(error.code).toBe("invalid_input");
  expect(typeof error.details["next"]).toBe("string");
  return error.message.replace(file, "F");
}

describe("a settings file", () => {
  test("gives each value with its line", async () => {
    writeFileSync(file, "# mine\nmodel: openai/x\nbudget:\n  maxCostUsd: 2.5 # dollars\nagents: [tester, auditor]\n");
    const read = await readSettingsFile(file, "user");
    expect([...(read?.values ?? [])]).toEqual([
      ["model", { value: "openai/x", where: `${file}:2` }],
      ["budget.maxCostUsd", { value: 2.5, where: `${file}:4` }],
      ["agents", { value: ["tester", "auditor"], where: `${file}:5` }],
    ]);
  });

  test("may be missing, empty, or all comment", async () => {
    expect(await readSettingsFile(file, "user")).toBeUndefined();
    for (const text of ["", "# nothing yet\n", "---\n"]) {
      writeFileSync(file, text);
      expect((await readSettingsFile(file, "user"))?.values.size).toBe(0);
    }
  });

  test.each([
    ["runMode: casual\n", 'F:1: runMode takes consumer or enterprise, not "casual".'],
    ["\nbudget:\n  maxCost: 2\n", "F:3: there is no setting budget.maxCost. Did you mean budget.maxCostUsd?"],
    ["budget: 5\n", "F:1: budget holds settings: write them indented below it."],
    ["budget:\n  maxTokens: 1.5\n", "F:2: budget.maxTokens takes a whole number above 0, not 1.5."],
    ["model:\n", "F:1: model takes openai/MODEL, anthropic/MODEL, scripted:FILE or none, not null."],
    ["model: a\nmodel: b\n", "F:2: not valid YAML: Map keys must be unique."],
    ["a: &x 1\nmodel: *x\n", "F:2: aliases (*name) are not allowed here."],
    ["- model\n", "F:1: it must hold settings, one a line: key: value."],
    [
      "model: [\n",
      "F:2: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ].",
    ],
    ["zzzzzzzzzzzzzzzzz: 1\n", "F:1: there is no setting zzzzzzzzzzzzzzzzz."],
    ["locked: [model]\n", "F:1: there is no setting locked."],
  ])("says where %j is wrong and what is allowed", async (text, message) => {
    expect(await problemOf(text)).toBe(message);
  });

  test("of a project may not set what could run or reach something", async () => {
    expect(await problemOf("terminal:\n  editor: /bin/sh\n", "project")).toBe(
      "F:2: terminal.editor cannot be set by a project.",
    );
  });

  test("of a project is not followed through a link", async () => {
    writeFileSync(path.join(folder, "other"), "model: openai/x\n");
    symlinkSync(path.join(folder, "other"), file);
    await expect(readSettingsFile(file, "project")).rejects.toThrow("not a regular file");
    expect((await readSettingsFile(file, "user"))?.values.size).toBe(1);
  });

  test("of the system holds no rule when everybody may write it", async () => {
    writeFileSync(file, "runMode: enterprise\n");
    chmodSync(file, 0o666);
    await expect(readSettingsFile(file, "system")).rejects.toThrow("everybody may write it");
  });

  test("of the system locks settings that have a value there", async () => {
    writeFileSync(file, "budget: { maxCostUsd: 3 }\nlocked: [budget.maxCostUsd]\n", { mode: 0o644 });
    expect([...((await readSettingsFile(file, "system"))?.locked ?? [])]).toEqual([["budget.maxCostUsd", `${file}:1`]]);
    expect(await problemOf("locked: [model]\n", "system")).toBe("F:1: model is locked but has no value in this file.");
    expect(await problemOf("locked: [modle]\n", "system")).toBe("F:1: there is no setting modle. Did you mean model?");
    expect(await problemOf("locked: true\n", "system")).toBe("F:1: locked takes a list of settings.");
  });
});

describe("a change of a settings file", () => {
  const text =
    "# Settings of mine\n\nmodel: openai/x # the good one\n\n# caps\nbudget:\n  # in dollars\n  maxCostUsd: 2\n  maxMinutes: 10\n";

  test("keeps comments, order and the link it is reached by", async () => {
    const real = path.join(folder, "dotfiles.yaml");
    writeFileSync(real, text, { mode: 0o600 });
    symlinkSync(real, file);
    expect(await changeSettingsFile(file, "user", { key: "budget.maxCostUsd", value: 4 })).toBe(true);
    expect(readFileSync(real, "utf8")).toBe(text.replace("maxCostUsd: 2", "maxCostUsd: 4"));
    expect(await changeSettingsFile(file, "user", { key: "budget.maxCostUsd", value: 4 })).toBe(false);
  });

  test("makes the file and its groups, and removes groups that became empty", async () => {
    const nested = path.join(folder, "a", "b.yaml");
    expect(await changeSettingsFile(nested, "user", { key: "budget.maxCostUsd", value: undefined })).toBe(false);
    await changeSettingsFile(nested, "user", { key: "providers.openai.wire", value: "openai.chat" });
    await changeSettingsFile(nested, "user", { key: "agents", value: ["tester"] });
    expect(readFileSync(nested, "utf8")).toBe("providers:\n  openai:\n    wire: openai.chat\nagents:\n  - tester\n");
    await changeSettingsFile(nested, "user", { key: "providers.openai.wire", value: undefined });
    expect(readFileSync(nested, "utf8")).toBe("agents:\n  - tester\n");
  });

  test("does not touch a file that is not valid", async () => {
    writeFileSync(file, "model: [\n");
    await expect(changeSettingsFile(file, "user", { key: "model", value: "none" })).rejects.toThrow("not valid YAML");
    expect(readFileSync(file, "utf8")).toBe("model: [\n");
  });
});
