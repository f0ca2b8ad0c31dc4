import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";
import { z } from "zod";

import { ScriptFile, parseScript } from "./script-file.ts";

const schemaPath = new URL("../../schema/scripted-model.schema.json", import.meta.url);
const docPath = new URL("../../docs/scripted-model.md", import.meta.url);

test("the JSON Schema file is what the code says", async () => {
  const generated = z.toJSONSchema(ScriptFile, { io: "input" });
  expect(JSON.parse(await readFile(schemaPath, "utf8"))).toEqual(generated);
});

test("every JSON example of the documentation is a valid script", async () => {
  const text = await readFile(docPath, "utf8");
  const examples = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map((found) => found[1] ?? "");
  expect(examples.length).toBeGreaterThan(1);
  for (const example of examples) {
    expect(parseScript("example", example).schemaVersion).toBe(1);
  }
});

test("the documentation names every field", async () => {
  const text = await readFile(docPath, "utf8");
  const schema = JSON.stringify(z.toJSONSchema(ScriptFile, { io: "input" }));
  const fields = new Set([...schema.matchAll(/"(\w+)":\{/g)].map((found) => found[1] ?? ""));
  const words = ["properties", "items", "propertyNames", "additionalProperties", "default"];
  const missing = [...fields].filter((field) => !words.includes(field) && !text.includes(`\`${field}\``));
  expect(missing).toEqual([]);
});
