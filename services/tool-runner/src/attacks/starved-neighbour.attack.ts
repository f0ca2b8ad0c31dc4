// One command takes all it can get of processor, processes and memory; another step's command and the
// server itself must go on.
import type { RunnerAttack } from "../testing/attack-target.ts";
import { makeInvocation } from "../testing/open-runner.ts";

const mebibyte = 1024 * 1024;

export const starvedNeighbour: RunnerAttack = {
  id: "starved-neighbour",
  title: "starve another step's command and the server",
  stride: "D",
  layer: "limit",
  against: "box",
  limits: { processes: 64, memoryBytes: 512 * mebibyte },
  async attempt(target) {
    const { runner, repository } = target.open;
    const place = { workspaceId: "work-2" as never, planId: makeInvocation("git_status", {}).planId };
    await runner.workspaces.open({ ...place, repositoryPath: repository.root, commit: repository.base });
    const abort = new AbortController();
    const hogs = target.send(
      makeInvocation(
        "run_command",
        {
          argv: [
            "/usr/bin/python3",
            "-c",
            `
import os, time
held = bytearray(64 << 20)
try:
  while True:
    if os.fork() == 0:
      while True: hash(bytes(4096))
except OSError: pass
print("full", flush=True)
while True: hash(bytes(4096))`,
          ],
        },
        { timeoutSeconds: 150 },
      ),
      abort.signal,
    );
    let isOver = false;
    void hogs.then(() => (isOver = true));
    const neighbour = await target.call(
      "run_command",
      { argv: ["node", "-p", "6*7"] },
      { workspaceId: place.workspaceId },
    );
    // Nothing was measured: the neighbour came to its end while the others still took all they could get.
    const during = { neighbour: neighbour.text.split("\n").at(-1), hogsAreOver: isOver };
    const health = await runner.health();
    abort.abort();
    return { ...during, serving: health.status, hogs: (await hogs).state };
  },
  blocked: () => ({ neighbour: "42", hogsAreOver: false, serving: "serving", hogs: "cancelled" }),
  // A call that was cancelled tells of no limit.
  audit: () => [],
  planted: { unsafe: "without bounds the machine of this test itself would be starved" },
};
