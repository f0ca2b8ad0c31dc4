// As an ordinary user: root is let through every closed folder.
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { makeTempDir } from "../testing/temp-dir.ts";
import type { TempDir } from "../testing/temp-dir.ts";

const uid = 10_001;
const modulePath = fileURLToPath(new URL("nested-git.ts", import.meta.url));
const isRoot = process.getuid?.() === 0;
const user = isRoot ? { uid, gid: uid } : {};

/** Runs a script in a process of an ordinary user. */
function runAsUser(script: string, ...args: string[]): void {
  execFileSync(process.execPath, ["--input-type=module", "-e", script, ...args], {
    ...user,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Calls an export of the module in a process of an ordinary user. */
function callAsUser(name: string, path: string): void {
  const script = `const m = await import(process.argv[1]); await m[process.argv[2]](process.argv[3]);`;
  runAsUser(script, modulePath, name, path);
}

function canLoad(): boolean {
  try {
    execFileSync(process.execPath, ["--input-type=module", "-e", "await import(process.argv[1])", modulePath], {
      ...user,
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

const usable = canLoad();

describe.skipIf(!usable)(
  `as an ordinary user${usable ? "" : " (skipped: the sources are not readable to one)"}`,
  () => {
    let dir: TempDir;
    beforeEach(() => {
      dir = makeTempDir();
      chmodSync(dir.path, 0o777);
      mkdirSync(dir.at("outside"));
      writeFileSync(dir.at("outside/kept"), "x");
      for (const path of ["tree", "tree/a", "tree/a/.git", "tree/b", "tree/b/.git", "tree/b/c"])
        mkdirSync(dir.at(path));
      for (const path of ["tree/a/.git/config", "tree/b/.git/config", "tree/b/c/f"]) writeFileSync(dir.at(path), "x");
      symlinkSync(dir.at("outside"), dir.at("tree/a/link"));
      if (isRoot) execFileSync("/usr/bin/chown", ["-hR", `${uid}:${uid}`, dir.at("tree")]);
      for (const [path, mode] of [
        ["tree/b/.git", 0],
        ["tree/b/c", 0],
        ["tree/a", 0o100],
        ["tree/b", 0o300],
      ] as const) {
        chmodSync(dir.at(path), mode);
      }
      if (isRoot) chownSync(dir.path, uid, uid);
    });
    afterEach(() => {
      execFileSync("/bin/chmod", ["-R", "u+rwx", dir.path]);
      dir.remove();
    });

    it("removes a tree with folders that are closed to their owner, and follows no link", () => {
      callAsUser("removeTree", dir.at("tree"));
      callAsUser("removeTree", dir.at("missing"));
      expect([existsSync(dir.at("tree")), existsSync(dir.at("outside/kept"))]).toEqual([false, true]);
    });

    it("removes a tree that others are removing, too", () => {
      const make = `for (let i = 0; i < 300; i++) { fs.mkdirSync("w" + i + "/x/y", { recursive: true }); fs.chmodSync("w" + i, 0o500); }`;
      const remove = `const { removeTree } = await import(process.argv[1]);
        await Promise.all(Array.from({ length: 4 }, () => removeTree(process.argv[2])));`;
      for (let round = 0; round < 3; round += 1) {
        mkdirSync(dir.at("tree/many"), { recursive: true });
        if (isRoot) for (const path of ["tree", "tree/many"]) chownSync(dir.at(path), uid, uid);
        execFileSync(process.execPath, ["-e", make], { ...user, cwd: dir.at("tree/many") });
        runAsUser(remove, modulePath, dir.at("tree"));
        expect(existsSync(dir.at("tree"))).toBe(false);
      }
    });

    it("says that a tree may go later when something is still at work in it", () => {
      const script = `const { removeTree } = await import(process.argv[1]);
        const error = await removeTree(process.argv[2]).catch((error) => error);
        console.log(error.code, error.isRetryable);`;
      const inside = `mount -t tmpfs none "$1/a" && exec "$2" --input-type=module -e "$3" "$4" "$1"`;
      const args = ["-rm", "/bin/sh", "-c", inside, "sh", dir.at("tree"), process.execPath, script, modulePath];
      const said = execFileSync("unshare", args, { ...user, encoding: "utf8" });
      expect(said).toBe("unavailable true\n");
      callAsUser("removeTree", dir.at("tree"));
      expect(existsSync(dir.at("tree"))).toBe(false);
    });

    it("removes names that are too long to reach, with all below them", () => {
      const deep = `for (let i = 0; i < 40; i++) { fs.mkdirSync("d".repeat(200)); process.chdir("d".repeat(200)); } fs.mkdirSync(".git");`;
      for (const cwd of [dir.at("tree"), dir.at("tree/b")]) {
        chmodSync(cwd, 0o700);
        execFileSync(process.execPath, ["-e", deep], { ...user, cwd });
      }
      callAsUser("removeGitDirs", dir.at("tree"));
      const kept = () => readdirSync(dir.at("tree")).sort();
      expect(kept()).toEqual(["a", "b", "d".repeat(200)]);
      const folder = `tree/${Array.from({ length: 12 }, () => "d".repeat(200)).join("/")}`;
      expect([existsSync(dir.at(folder)), existsSync(dir.at("tree/b/c"))]).toEqual([true, true]);
      chmodSync(dir.at("tree/b/c"), 0o700);
      execFileSync(process.execPath, ["-e", deep], { ...user, cwd: dir.at("tree/b/c") });
      callAsUser("removeTree", dir.at("tree"));
      expect(readdirSync(dir.path)).toEqual(["outside"]);
    });

    it("removes every .git below them and nothing else", () => {
      callAsUser("removeGitDirs", dir.at("tree"));
      const left = ["tree/a/.git", "tree/b/.git", "tree/b/c/f", "outside/kept"].map((path) => existsSync(dir.at(path)));
      expect(left).toEqual([false, false, true, true]);
    });
  },
);
