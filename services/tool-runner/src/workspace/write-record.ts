// The plan's readable record in the user's checkout: `.plans/<plan id>/`, owner-only, ignored.
import { AgentError } from "@ossaat/contracts";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import type { Git } from "../git/git.ts";
import { checkId } from "./layout.ts";
import { recordLimits } from "./limits.ts";
import { findUserRepository } from "./user-repository.ts";

const fileName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/u;
const ownerOnly = { mode: 0o600, folderMode: 0o700 };

/** See {@link WorkspaceService.writeRecord}. */
export async function writePlanRecord(
  git: Git,
  request: { planId: string; repositoryPath: string; files: { name: string; content: string }[] },
): Promise<void> {
  const folder = `.plans/${checkId("plan id", request.planId)}`;
  const wrong = request.files.find((file) => !fileName.test(file.name));
  if (wrong !== undefined) {
    throw new AgentError("invalid_input", `${JSON.stringify(wrong.name)} cannot be the name of a plan's file.`);
  }
  const large = request.files.find((file) => Buffer.byteLength(file.content) > recordLimits.maxFileBytes);
  if (large !== undefined) {
    throw new AgentError("limit_exceeded", `${large.name} is larger than ${recordLimits.maxFileBytes} bytes.`);
  }
  const { root } = await findUserRepository(git, request.repositoryPath);
  const files = openWorkspaceFiles(root);
  if ((await files.kind(".plans/.gitignore")) === "missing") await files.write(".plans/.gitignore", "*\n", ownerOnly);
  for (const { name, content } of request.files) await files.write(`${folder}/${name}`, content, ownerOnly);
}
