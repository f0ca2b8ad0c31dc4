// An archive is written only when import has room for it.
import { archiveNames } from "@ossaat/contracts";
import { expect, test } from "vitest";

import { requireRoom } from "./entry-limits.ts";
import { archiveLimits } from "./limits.ts";

const planId = "plan-7c1e93b0";
const artifact = (n: number) => archiveNames.artifact(n.toString(16).padStart(64, "0"));
const manifest = { name: archiveNames.manifest, bytes: 1_000 };
const artifacts = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, n) => ({ name: artifact(n), bytes }));

test("what is as large as its limit fits", () => {
  const events = { name: archiveNames.events, bytes: archiveLimits.maxRowsBytes };
  expect(() => requireRoom(planId, [manifest, events])).not.toThrow();
  expect(() => requireRoom(planId, [manifest, ...artifacts(archiveLimits.maxEntries, 1)])).not.toThrow();
});

test.each([
  ["events", [{ name: archiveNames.events, bytes: archiveLimits.maxRowsBytes + 1 }], "events.jsonl has 128.0 MiB"],
  ["rows", [{ name: archiveNames.rows, bytes: archiveLimits.maxRowsBytes + 1 }], "rows.json has"],
  ["an artifact", artifacts(1, archiveLimits.maxArtifactBytes + 1), "artifacts/"],
  ["git objects", [{ name: archiveNames.objects, bytes: archiveLimits.maxObjectsBytes + 1 }], "objects.bundle has"],
  ["the manifest", [{ name: archiveNames.manifest, bytes: archiveLimits.maxManifestBytes + 1 }], "manifest.json has"],
  ["the number of entries", artifacts(archiveLimits.maxEntries + 1, 1), "50001 entries"],
  ["the whole", artifacts(33, archiveLimits.maxArtifactBytes), "all of it has"],
])("%s too large for import is refused with what to do", (_what, entries, told) => {
  expect(() => requireRoom(planId, [manifest, ...entries])).toThrow(
    expect.objectContaining({
      code: "limit_exceeded",
      message: expect.stringContaining(told) as unknown,
      next: expect.stringContaining(`ossaat logs ${planId}`) as unknown,
    }),
  );
});
