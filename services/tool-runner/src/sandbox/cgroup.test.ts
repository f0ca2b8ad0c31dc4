// Which groups are taken for left behind; plain folders stand for groups.
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";

import { expect, test } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import { removeLeftGroups } from "./cgroup.ts";
import { processName } from "./process-name.ts";

test("only old, empty groups of processes that are gone are removed", async () => {
  const dir = makeTempDir();
  const hourAgo = Date.now() / 1_000 - 3_600;
  const own = await processName();
  const [pid, start] = own.split(".");
  const [young, full] = [`ossaat-${pid}.${Number(start) + 1}-1`, "ossaat-1.7-3"];
  const kept = [`ossaat-${own}-1`, young, full, "ossaat-x", "others"];
  const groups = [...kept, `ossaat-${pid}.${Number(start) - 1}-1`, "ossaat-4194304.5-22", "ossaat-4194304-9"];
  for (const name of groups) {
    mkdirSync(dir.at(name));
    if (name === full) writeFileSync(dir.at(`${name}/process`), "");
    if (name !== young) utimesSync(dir.at(name), hourAgo, hourAgo);
  }
  await removeLeftGroups({ version: 2, memory: dir.path, pids: dir.path });
  expect(readdirSync(dir.path).toSorted()).toEqual(kept.toSorted());
  dir.remove();
});
