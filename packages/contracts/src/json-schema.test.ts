import { readFile, readdir } from "node:fs/promises";

import { expect, test } from "vitest";

import { eventTypes } from "./event.ts";
import { jsonSchemas } from "./json-schema.ts";

const folder = new URL("../schema/", import.meta.url);

test("the checked-in JSON Schemas are what the code says", async () => {
  const files = await readdir(folder);
  const checkedIn = await Promise.all(
    files.map(async (name) => [name, JSON.parse(await readFile(new URL(name, folder), "utf8"))] as const),
  );
  expect(Object.fromEntries(checkedIn)).toEqual(JSON.parse(JSON.stringify(jsonSchemas())));
});

test("the schema of events knows every type of the catalogue", () => {
  const schema = jsonSchemas()["plan-event.schema.json"] as {
    oneOf: { properties: { type: { const: string } } }[];
  };
  expect(schema.oneOf.map(({ properties }) => properties.type.const)).toEqual(eventTypes);
});

test("requests are strict, stored shapes are open", () => {
  const open = Object.entries(jsonSchemas()).map(([name, schema]) => {
    const { additionalProperties, oneOf } = schema as { additionalProperties?: unknown; oneOf?: unknown[] };
    const first = (oneOf?.[0] as { additionalProperties?: unknown } | undefined)?.additionalProperties;
    return [name, additionalProperties ?? first] as const;
  });
  expect(Object.fromEntries(open)).toEqual({
    "plan.schema.json": {},
    "plan-event.schema.json": {},
    "approval-request.schema.json": {},
    "job-envelope.schema.json": {},
    "agent-front-matter.schema.json": false,
    "approval-decision.schema.json": false,
    "create-plan-request.schema.json": false,
    "edit-plan-request.schema.json": false,
    "retry-plan-request.schema.json": false,
    "plan-decision.schema.json": false,
    "policy-file.schema.json": false,
    "policy-input.schema.json": {},
  });
});
