// The reports a run left in the working tree, without those of earlier runs.
import { AgentError } from "@ossaat/contracts";

import type { WorkspaceFiles } from "../files/workspace-files.ts";
import { reportLimits } from "../tool/limits.ts";

/** Text of each report by path. */
export type Reports = ReadonlyMap<string, string>;

async function namesIn(files: WorkspaceFiles, folder: string): Promise<string[]> {
  try {
    const entries = await files.list(folder);
    return entries.flatMap(({ name, kind }) => (kind === "file" && /^TEST-.*\.xml$/u.test(name) ? [name] : []));
  } catch (error) {
    // A folder that is not there, or a link in its place: no report.
    if (error instanceof AgentError) return [];
    throw error;
  }
}

/** JUnit reports in `folders`, within the limits on their number and size. */
export async function readReports(files: WorkspaceFiles, folders: readonly string[]): Promise<Reports> {
  const found = new Map<string, string>();
  let bytes = 0;
  for (const folder of folders) {
    for (const name of await namesIn(files, folder)) {
      const path = `${folder}/${name}`;
      if (found.size >= reportLimits.maxReports || bytes >= reportLimits.maxReportBytes) return found;
      const { data } = await files.readRange(path, 0, reportLimits.maxReportBytes - bytes);
      bytes += data.length;
      found.set(path, data.toString("utf8"));
    }
  }
  return found;
}

/** Reports that are new or differ: what was there before a run says nothing about it. */
export function freshReports(before: Reports, after: Reports): string[] {
  return [...after].flatMap(([path, text]) => (before.get(path) === text ? [] : [text]));
}
