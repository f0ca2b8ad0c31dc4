import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { expect, test } from "vitest";

import { describeArtifacts } from "../artifacts.contract.ts";
import { createFileArtifacts } from "./files.ts";

const makeFolder = () => mkdtempSync(path.join(tmpdir(), "ossaat-artifacts-"));

describeArtifacts("files", () => {
  const folder = makeFolder();
  return Promise.resolve({
    artifacts: createFileArtifacts(folder),
    reopen: () => createFileArtifacts(folder),
    damage: (ref: string) => writeFile(path.join(folder, ref.slice(0, 2), ref), "a lie"),
    remove: () => Promise.resolve(rmSync(folder, { recursive: true })),
  });
});

test("files are the owner's alone and no temporary one is left", async () => {
  const folder = makeFolder();
  const { ref } = await createFileArtifacts(folder).put("text");
  const place = path.join(folder, ref.slice(0, 2));
  const modes = [statSync(place).mode, statSync(path.join(place, ref)).mode].map((mode) => (mode & 0o777).toString(8));
  expect([readdirSync(place), modes]).toEqual([[ref], ["700", "600"]]);
  rmSync(folder, { recursive: true });
});
