// Tool arguments that name a place outside of the working tree, in every spelling.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";

import { secretText } from "../testing/attack-target.ts";
import type { AttackTarget, RunnerAttack } from "../testing/attack-target.ts";

const refused = ["envelope", "outside_envelope"] as const;

/** The first two lead to the secret where nobody looks. */
function spellings({ open, outside }: AttackTarget): string[] {
  const neighbour = `../${basename(open.tree)}-evil/secret`;
  return [
    neighbour,
    join(outside, "secret"),
    `src/../${neighbour}`,
    neighbour.replace("..", "%2e%2e"),
    neighbour.replace("/", "%2f"),
    neighbour.replaceAll("/", "\\"),
    `./${neighbour}`,
    `~/secret`,
    `C:/secret`,
    `.../${neighbour}`,
    `${neighbour}\n`,
    "／etc/../../passwd",
  ];
}

export const pathArguments: RunnerAttack = {
  id: "path-arguments",

  title: "leave the working tree by a path in an argument",
  stride: "I",
  layer: "policy",
  against: "host",
  async attempt(target) {
    const neighbour = `${target.open.tree}-evil`;
    mkdirSync(neighbour);
    writeFileSync(join(neighbour, "secret"), secretText);
    const leaked: string[] = [];
    for (const path of spellings(target)) {
      const { text } = await target.call("read_file", { path });
      if (text.includes(secretText)) leaked.push(path);
      await target.call("write_file", { path: `${path}.new`, content: "x" });
      await target.call("list_files", { path });
    }
    return { leaked, written: existsSync(join(neighbour, "secret.new")) };
  },
  blocked: () => ({ leaked: [], written: false }),
  audit: (target) => spellings(target).flatMap(() => [refused, refused, refused]),
  planted: {
    async attempt(target) {
      const neighbour = `${target.open.tree}-evil`;
      mkdirSync(neighbour);
      writeFileSync(join(neighbour, "secret"), secretText);
      const read = (path: string) => readFileSync(path.startsWith("/") ? path : join(target.open.tree, path), "utf8");
      return spellings(target).slice(0, 2).map(read);
    },
    gives: () => [secretText, secretText],
  },
};
