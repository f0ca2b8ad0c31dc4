// Many files, each below the bound of one, that fill the disk together.
import { readdirSync } from "node:fs";

import type { RunnerAttack } from "../testing/attack-target.ts";

const mebibyte = 1024 * 1024;

const ended =
  "[was ended: the working tree took more of the disk than allowed, and all that the command wrote was undone";

export const treeFill: RunnerAttack = {
  id: "tree-fill",
  title: "fill the disk by files that are each small enough",
  stride: "D",
  layer: "limit",
  against: "box",
  limits: { treeBytes: 24 * mebibyte, fileBytes: 4 * mebibyte },
  async attempt(target) {
    const fill = async (name: string, files: number, pauseSeconds: number) => {
      const script = `
import os, time
for number in range(${files}):
  with open("${name}-%d" % number, "wb") as file: os.posix_fallocate(file.fileno(), 0, 4 << 20)
  time.sleep(${pauseSeconds})`;
      const { text } = await target.call("run_command", { argv: ["/usr/bin/python3", "-c", script] });
      return text.split(" after ")[0];
    };
    // The first ends before anybody has to end it: what it left is found afterwards.
    const ends = [await fill("quick", 12, 0), await fill("slow", 200, 0.1)];
    const left = readdirSync(target.open.tree).filter((name) => /^(?:quick|slow)-/u.test(name));
    return { ends, left };
  },
  blocked: () => ({ ends: [ended, ended], left: [] }),
  audit: () => [
    ["limit", "disk"],
    ["limit", "disk"],
  ],
  planted: {
    async attempt(target) {
      await target.py(`
for number in range(12):
  with open("fill-%d" % number, "wb") as file: file.write(os.urandom(1 << 16))`);
      return readdirSync(target.open.tree).filter((name) => name.startsWith("fill-")).length;
    },
    gives: () => 12,
  },
};
