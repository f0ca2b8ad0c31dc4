// Writes `schema/*.schema.json` from the zod schemas. Run it after a shape has changed.
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";

import { jsonSchemas } from "../src/json-schema.ts";

const folder = new URL("../schema/", import.meta.url);

await mkdir(folder, { recursive: true });
for (const name of await readdir(folder)) await rm(new URL(name, folder));
for (const [name, schema] of Object.entries(jsonSchemas())) {
  await writeFile(new URL(name, folder), `${JSON.stringify(schema, null, 2)}\n`);
}
