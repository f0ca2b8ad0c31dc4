// The repository the command is called in, read by git plumbing that runs nothing of it.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

import { ask } from "./check-machine.ts";
import { fail, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { doctorLimits } from "./limits.ts";

const id = "repository";

/** Nothing that the repository's configuration names is run. */
const harmless = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat"];

type Answer = { stdout: string; stderr: string; failed: boolean };

async function git(folder: string, args: readonly string[]): Promise<Answer> {
  const options = { timeout: doctorLimits.programMs, maxBuffer: 256 * 1024 * 1024, encoding: "utf8" } as const;
  return promisify(execFile)("git", [...harmless, "-C", folder, ...args], options).then(
    ({ stdout, stderr }) => ({ stdout: stdout.replace(/\n$/, ""), stderr, failed: false }),
    (error: { stdout?: string; stderr?: string }) => ({
      stdout: error.stdout ?? "",
      stderr: error.stderr ?? "",
      failed: true,
    }),
  );
}

function notReadable(folder: string, { stderr }: Answer): Finding {
  if (stderr.includes("dubious ownership")) {
    return fail(
      id,
      "It belongs to another user, so git refuses it.",
      `git config --global --add safe.directory ${folder}`,
    );
  }
  if (/not a git repository/.test(stderr))
    return warn(id, `${folder} is not inside one.`, "git init, or use -C FOLDER");
  return fail(id, `git cannot read it: ${stderr.trim().split("\n")[0] ?? ""}`, `git -C ${folder} status`);
}

/** Submodules stay out of working trees, and filters do not run: agents see neither. */
async function checkContents(root: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const tree = await git(root, ["ls-tree", "-r", "--full-tree", "HEAD"]);
  const links = tree.stdout.split("\n").filter((line) => line.startsWith("160000 ")).length;
  if (links > 0) {
    const message = `${links} submodule${links === 1 ? "" : "s"}: agents do not see inside, and the links stay as they are.`;
    findings.push(warn("submodules", message, "run ossaat in the submodule to change it"));
  }
  const attributes = await git(root, [
    "grep",
    "--cached",
    "-l",
    "-I",
    "-e",
    "filter=lfs",
    "--",
    ":(glob)**/.gitattributes",
  ]);
  if (attributes.stdout !== "") {
    const hasLfs = (await ask("git-lfs", ["version"])) !== undefined;
    const message = "Files by Git LFS: agents see their pointers, not their content.";
    findings.push(
      warn(
        "git lfs",
        hasLfs ? message : `${message} git-lfs is not installed.`,
        hasLfs ? undefined : "apt-get install -y git-lfs",
      ),
    );
  }
  return findings;
}

async function checkCheckout(root: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  if ((await git(root, ["rev-parse", "--is-shallow-repository"])).stdout === "true") {
    const message = "It is shallow: the history that says who changes together is cut.";
    findings.push(warn("history", message, "git fetch --unshallow"));
  }
  if ((await git(root, ["config", "--bool", "core.sparseCheckout"])).stdout === "true") {
    const message = "Its checkout is sparse: agents see all files, tests may need those you do not have.";
    findings.push(warn("sparse checkout", message, "git sparse-checkout disable"));
  }
  if ((await git(root, ["symbolic-ref", "--quiet", "HEAD"])).failed) {
    findings.push(warn("branch", "HEAD is detached: `ossaat apply` needs a branch.", "git switch BRANCH"));
  }
  return findings;
}

/** Everything about the repository around a folder. */
export async function checkRepository(folder: string): Promise<Finding[]> {
  const bare = await git(folder, ["rev-parse", "--is-bare-repository"]);
  if (bare.failed) return [notReadable(folder, bare)];
  if (bare.stdout === "true") return [fail(id, "It is bare: plans need a checkout.", `git clone ${folder} CHECKOUT`)];
  const top = await git(folder, ["rev-parse", "--show-toplevel"]);
  if (top.failed) return [fail(id, "The folder is inside a git dir.", "cd to the checkout")];
  const root = top.stdout;
  if (!existsSync(path.join(root, ".git"))) {
    return [fail(id, "Its working tree is not its own folder (core.worktree).", "git config --unset core.worktree")];
  }
  if ((await git(root, ["rev-parse", "--verify", "--quiet", "HEAD"])).failed) {
    return [fail(id, "It has no commit yet.", "git add --all && git commit")];
  }
  return [ok(id, root), ...(await checkCheckout(root)), ...(await checkContents(root))];
}
