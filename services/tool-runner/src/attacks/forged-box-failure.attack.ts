// A command that fails the way a broken box does, so that it is taken for one and run again.
import type { RunnerAttack } from "../testing/attack-target.ts";

const failures: readonly (readonly [exitCode: number, text: string])[] = [
  [1, "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"],
  [125, "docker: Error response from daemon: no space left on device."],
  [126, "podman: permission denied"],
  [127, '{"exit-code": 0}'],
];

export const forgedBoxFailure: RunnerAttack = {
  id: "forged-box-failure",
  title: "pass a command's own failure off as the box's, to be run twice",
  stride: "R",
  layer: "report check",
  against: "box",
  async attempt(target) {
    const ends: unknown[] = [];
    for (const [code, text] of failures) {
      ends.push(
        await target.py(`sys.stderr.write(${JSON.stringify(text)} + "\\n"); sys.stderr.flush(); os._exit(${code})`),
      );
    }
    return ends;
  },
  blocked: () => failures.map(([exitCode]) => ({ state: "completed", exitCode, code: undefined, signal: undefined })),
  audit: () => [],
  planted: {
    attempt: async () => failures.map(([, text]) => /^(?:bwrap|docker|podman|\{"exit-code")/u.test(text)),
    gives: () => failures.map(() => true),
  },
};
