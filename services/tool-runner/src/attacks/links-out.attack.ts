// Links in the working tree that lead out of it, followed from inside a box.
import { symlinkSync } from "node:fs";
import { join } from "node:path";

import { secretOf, secretText } from "../testing/attack-target.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

export const linksOut: RunnerAttack = {
  id: "links-out",
  title: "follow a link out of the working tree, to read and to write",
  stride: "I",
  layer: "mount",
  against: "box",
  async attempt(target) {
    const { outside, open } = target;
    symlinkSync(join(outside, "secret"), join(open.tree, "link"));
    symlinkSync(outside, join(open.tree, "folder"));
    const found = await target.py(`
found["link"] = read("link")
found["folder"] = read("folder/secret")
found["write"] = attempt(lambda: open("link", "w").write("changed"))`);
    return { found, secret: secretOf(target) };
  },
  blocked: () => ({ found: { link: "ENOENT", folder: "ENOENT", write: "ENOENT" }, secret: secretText }),
  audit: () => [],
  planted: {
    gives: () => ({ found: { link: secretText, folder: secretText, write: "ok" }, secret: "changed" }),
  },
};
