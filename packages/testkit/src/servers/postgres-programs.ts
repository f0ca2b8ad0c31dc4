// Finds the server programs of PostgreSQL on this machine, and the user they may run as.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

/** Oldest version of PostgreSQL that the product runs on. */
const minimumMajor = 15;

const debianFolder = "/usr/lib/postgresql";

function debianBins(): string[] {
  if (!existsSync(debianFolder)) return [];
  const majors = readdirSync(debianFolder).map(Number);
  return majors
    .filter((major) => major >= minimumMajor)
    .sort((a, b) => b - a)
    .map((major) => path.join(debianFolder, String(major), "bin"));
}

function configuredBin(): string[] {
  try {
    return [
      execFileSync("pg_config", ["--bindir"], { stdio: ["ignore", "pipe", "ignore"] })
        .toString()
        .trim(),
    ];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/**
 * The folder that holds `initdb` and `postgres`.
 * @throws Error when there is none
 */
export function findPostgres(): string {
  const bin = [...debianBins(), ...configuredBin()].find((folder) => existsSync(path.join(folder, "initdb")));
  if (bin === undefined) {
    throw new Error(
      `PostgreSQL ${minimumMajor} or newer is not installed: run \`sh tools/setup/postgres.sh\` as root.`,
    );
  }
  return bin;
}

export type RunAs = { uid?: number; gid?: number };

/** PostgreSQL refuses to run as root: then it is Debian's user of that name, else ourselves. */
export function postgresUser(): RunAs {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => Number(execFileSync("id", [flag, "postgres"]).toString());
  return { uid: idOf("-u"), gid: idOf("-g") };
}
