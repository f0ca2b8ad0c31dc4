// A folder of the working tree turns into a link out of it, and back, while the host writes below it.
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import { secretText } from "../testing/attack-target.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

const tries = 10_000;
const atOnce = 20;
/** A write costs several reads. */
const writeEach = 4;

/** Swaps `swap` and `link` without end; each state lasts a moment, so that tries meet both and the change. */
const swap = `
const fs = require("node:fs");
const cell = new Int32Array(new SharedArrayBuffer(4));
process.chdir(process.argv[1]);
function move(from, to) {
  for (;;) {
    try { return fs.renameSync(from, to); }
    // In the moment without a name the host made a folder of it, and may be writing there still.
    catch { try { fs.rmSync(to, { recursive: true, force: true }); } catch {} }
  }
}
for (;;) {
  move("swap", "folder"); move("link", "swap"); Atomics.wait(cell, 0, 0, 1);
  move("swap", "link"); move("folder", "swap"); Atomics.wait(cell, 0, 0, 1);
}`;

export const linkRace: RunnerAttack = {
  id: "link-race",

  title: "swap a folder for a link between check and use, 10,000 tries",
  stride: "T",
  layer: "runner check",
  against: "host",
  async attempt(target) {
    const { outside, open } = target;
    mkdirSync(join(open.tree, "swap"));
    writeFileSync(join(open.tree, "swap/secret"), "of the tree");
    symlinkSync(outside, join(open.tree, "link"));
    let leaked = 0;
    const swapper = spawn(process.execPath, ["-e", swap, open.tree], { stdio: "ignore" });
    const gone = new Promise((resolve) => swapper.once("exit", resolve));
    let isSwapping = false;
    try {
      const files = openWorkspaceFiles(open.tree);
      for (let done = 0; done < tries; done += atOnce) {
        const isWrite = done % (writeEach * atOnce) === 0;
        const access = () => (isWrite ? files.write("swap/stolen", "x") : files.read("swap/secret", 100));
        for (const end of await Promise.allSettled(Array.from({ length: atOnce }, access))) {
          if (end.status === "fulfilled" && end.value?.data.toString() === secretText) leaked += 1;
        }
      }
      isSwapping = swapper.exitCode === null;
    } finally {
      swapper.kill("SIGKILL");
      await gone;
    }
    symlinkSync(outside, join(open.tree, "standing"));
    await target.call("write_file", { path: "standing/stolen", content: "x" });
    return { isSwapping, leaked, outside: readdirSync(outside).filter((name) => name.includes("stolen")) };
  },
  blocked: () => ({ isSwapping: true, leaked: 0, outside: [] }),
  audit: () => [["files", "link"]],
  planted: {
    async attempt({ outside, open }) {
      const folder = join(open.tree, "swap");
      mkdirSync(folder);
      // The check sees a folder; what is written to is a link.
      const isFolder = readdirSync(folder).length === 0;
      renameSync(folder, join(open.tree, "away"));
      symlinkSync(outside, folder);
      if (isFolder) writeFileSync(join(folder, "stolen"), "x");
      return { outside: readdirSync(outside).filter((name) => name.includes("stolen")) };
    },
    gives: () => ({ outside: ["stolen"] }),
  },
};
