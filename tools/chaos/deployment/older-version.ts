// The services of an earlier revision of this repository, with the packages that it was written for.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";

import { servicesOf, makeServices } from "./entries.ts";
import { hastened } from "./limits.ts";
import type { FleetServices } from "../../../apps/cli/src/testing/fleet-services.ts";

/** @throws Error with what the program said */
function run(folder: string, program: string, words: readonly string[], input?: Buffer): Buffer {
  const { status, stdout, stderr, error } = spawnSync(program, words, {
    cwd: folder,
    ...(input === undefined ? {} : { input }),
    maxBuffer: 1024 ** 3,
  });
  if (status === 0) return stdout;
  throw new Error(`${program} ${words.join(" ")}: ${error?.message ?? stderr.toString().trim()}`);
}

/** @returns its full name. @throws Error when the history of this clone does not have it */
export function findRevision(name: string): string {
  return run(".", "git", ["rev-parse", "--verify", "--quiet", `${name}^{commit}`])
    .toString()
    .trim();
}

/** Installs and makes them below `folder`, once for each revision. */
export async function makeOlder(folder: string, revision: string): Promise<FleetServices> {
  const place = path.join(path.resolve(folder), revision);
  const services = path.join(place, "services");
  if (!existsSync(services)) {
    const tree = path.join(place, "tree");
    rmSync(place, { recursive: true, force: true });
    mkdirSync(tree, { recursive: true });
    run(tree, "tar", ["-x"], run(".", "git", ["archive", revision]));
    run(tree, "make", ["setup"]);
    const unfinished = path.join(place, "unfinished");
    await makeServices(unfinished, tree);
    run(place, "mv", [unfinished, services]);
  }
  return servicesOf({ folder: services, limits: hastened });
}
