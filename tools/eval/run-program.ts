// Runs one program to its end, as a user's shell would, with the project's Node first in PATH.
import { spawn } from "node:child_process";
import { delimiter, dirname } from "node:path";

export type ProgramResult = { code: number | null; output: string };

/** A build from nothing of one of the projects fits several times, ms. */
const maxRunMs = 300_000;

export function runProgram(argv: readonly string[], { cwd }: { cwd: string }): Promise<ProgramResult> {
  const [program = "", ...args] = argv;
  const { PATH = "/usr/bin:/bin", HOME = "/" } = process.env;
  const env = {
    ...process.env,
    PATH: [dirname(process.execPath), PATH].join(delimiter),
    HOME,
    PYTHONDONTWRITEBYTECODE: "1",
  };
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"], timeout: maxRunMs });
    let output = "";
    const take = (chunk: Buffer) => {
      output += chunk.toString("utf8");
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", (error) => resolve({ code: null, output: error.message }));
    child.on("close", (code) => resolve({ code, output }));
  });
}
