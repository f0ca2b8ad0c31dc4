// What one part of a goal adds to the draft.
import type { DraftStep } from "../plan/plan-draft.ts";
import type { Evidence, FileFinding } from "./evidence.ts";
import { clip } from "./phrases.ts";

export type DraftPart = {
  steps: DraftStep[];
  assumptions: string[];
  risks: string[];
  criteria: string[];
};

export type StepFields = {
  id: string;
  title: string;
  summary: string;
  rationale: string;
  files: readonly string[];
  paths?: readonly string[];
  commands?: readonly string[];
  needs?: readonly string[];
  risk?: DraftStep["risk"];
};

/** A step within the bounds of the schema. */
export function step(fields: StepFields): DraftStep {
  return {
    id: fields.id,
    title: clip(fields.title, 160),
    action: "apply_changes",
    agent: "code-writer",
    needs: [...(fields.needs ?? [])],
    files: [...new Set(fields.files)].slice(0, 64),
    paths: [...new Set(fields.paths ?? [])].filter((path) => path.length <= 512).slice(0, 32),
    commands: [...new Set(fields.commands ?? [])].filter((command) => command.length <= 512).slice(0, 16),
    hosts: [],
    summary: clip(fields.summary, 2_000),
    rationale: clip(fields.rationale, 4_000),
    risk: fields.risk ?? "low",
  };
}

/** Further places that are worth reading and are not written. */
export function alsoRead(evidence: Evidence, written: readonly string[]): string {
  const further = evidence.source
    .filter(({ path, share }) => !written.includes(path) && share >= 0.4)
    .slice(0, 3)
    .map(({ path, places }: FileFinding) =>
      places[0] === undefined ? path : `\`${places[0].name}\` (${path}:${places[0].line})`,
    );
  return further.length === 0 ? "" : ` Also read, not to be changed unless needed: ${further.join(", ")}.`;
}
