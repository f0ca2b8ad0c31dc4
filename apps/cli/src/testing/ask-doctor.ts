// Asks `ossaat doctor` and looks for one finding.
import { expect } from "vitest";

import type { Cli, Json } from "./run-ossaat.ts";

export type Where = { cwd?: string; env?: Record<string, string>; args?: string[] };

const naming: unknown = expect.stringMatching(/\bossaat doctor\b/u);

/** All findings; the exit code must fit them. */
export async function askDoctor(cli: Cli, { cwd = cli.folder, env = {}, args = [] }: Where): Promise<Json> {
  const result = await cli.json(cwd, ["doctor", ...args], { env });
  const failed = result.value.findings.some(({ status }: Json) => status === "fail");
  expect({ code: result.code, ok: result.value.ok }).toEqual({ code: failed ? 1 : 0, ok: !failed });
  // It was just asked: it must not send anybody back to itself.
  for (const { id, next } of result.value.findings) expect([id, next]).not.toEqual([id, naming]);
  return result.value.findings;
}

export const findingsOf = (findings: Json, id: string): Json[] => findings.filter((finding: Json) => finding.id === id);

/** One finding of this name has the fields; one that fails names what mends it. */
export async function expectDoctorFinding(
  cli: Cli,
  { where, id, expected }: { where: Where; id: string; expected: Json },
): Promise<void> {
  const findings = await askDoctor(cli, where);
  const found = findingsOf(findings, id);
  expect(found, JSON.stringify(findings)).toContainEqual(expect.objectContaining({ id, ...expected }));
  for (const { status, next } of found) if (status === "fail") expect(next).toEqual(expect.any(String));
}
