// What of a plan moves with it to another runner: its git objects and the outputs of its commands.
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";

import { AgentError } from "@ossaat/contracts";
import type { CallOptions, KeptPiece, KeptRequest, WorkspaceService } from "@ossaat/contracts";

import type { Git } from "../git/git.ts";
import type { LogStore } from "../log/log-store.ts";
import { checkId } from "../workspace/layout.ts";
import type { Layout } from "../workspace/layout.ts";
import type { RepositoryStore } from "../workspace/repository-store.ts";
import { findUserRepository } from "../workspace/user-repository.ts";
import { checkObjects, keepObjects, lackingObjects, makeTempFolder, readBundle } from "./bundle-objects.ts";
import { requireWhole, writeBundle } from "./bundle-objects.ts";
import { keptLimits } from "./limits.ts";

export type KeptDeps = { git: Git; layout: Layout; logs: LogStore; store: RepositoryStore };

type Moving = Pick<WorkspaceService, "findLacking" | "exportKept" | "importKept">;

const bundleName = "objects.bundle";
const logPrefix = "logs/";

async function* piecesOf(name: string, file: string, signal: AbortSignal | undefined): AsyncGenerator<KeptPiece> {
  for await (const data of createReadStream(file, { highWaterMark: keptLimits.pieceBytes })) {
    signal?.throwIfAborted();
    yield { name, data: data as Buffer };
  }
}

/** A file that is gone when the work is over. */
async function* withTempFile(
  layout: Layout,
  use: (file: string) => AsyncGenerator<KeptPiece>,
): AsyncGenerator<KeptPiece> {
  await makeTempFolder(layout.temp);
  const file = join(layout.temp, `${randomUUID()}.bundle`);
  try {
    yield* use(file);
  } finally {
    await rm(file, { force: true });
    await rm(`${file}.lock`, { force: true });
  }
}

type Asked = Parameters<Moving["exportKept"]>[0];

async function* exportKept(deps: KeptDeps, request: Asked, signal?: AbortSignal): AsyncGenerator<KeptPiece> {
  const { git, layout, logs, store } = deps;
  checkId("plan id", request.planId);
  for (const logRef of request.logRefs) yield* piecesOf(`${logPrefix}${logRef}`, await logs.find(logRef), signal);
  const { repositoryPath, objects } = request;
  if (repositoryPath === undefined) return;
  checkObjects(objects);
  const repository = await findUserRepository(git, repositoryPath);
  const gitDir = await store.open(repository);
  yield* withTempFile(layout, async function* bundle(file) {
    if (await writeBundle({ git, gitDir }, repository, { objects, file })) yield* piecesOf(bundleName, file, signal);
  });
}

async function findLacking(deps: KeptDeps, request: Asked): Promise<{ objects: string[]; logRefs: string[] }> {
  const { git, logs, store } = deps;
  const logRefs: string[] = [];
  for (const logRef of request.logRefs) if (!(await logs.has(logRef))) logRefs.push(logRef);
  if (request.repositoryPath === undefined) return { objects: [...request.objects], logRefs };
  const repository = await findUserRepository(git, request.repositoryPath);
  const gitDir = await store.open(repository);
  const lacking = await lackingObjects({ git, gitDir }, request.objects);
  // Whatever the user committed since is in their repository only.
  if (lacking.length === 0) return { objects: [], logRefs };
  return { objects: await lackingObjects({ git, gitDir: await store.refresh(repository) }, lacking), logRefs };
}

function wrongPiece(): AgentError {
  return new AgentError("invalid_input", "A part of the archive is not what its name says.");
}

/** Sorts pieces into logs, which are stored as they come, and the file of the bundle. */
async function spool(logs: LogStore, pieces: AsyncIterable<KeptPiece>, file: string): Promise<boolean> {
  let bundleBytes = 0;
  let current: { name: string; writer: Awaited<ReturnType<LogStore["create"]>> } | undefined;
  const bundle = await open(file, "wx", 0o600);
  const endLog = async () => {
    const ended = current;
    current = undefined;
    if (ended === undefined) return;
    const { logRef } = await ended.writer.close();
    if (`${logPrefix}${logRef}` !== ended.name) throw wrongPiece();
  };
  try {
    for await (const { name, data } of pieces) {
      if (data.length > keptLimits.maxPieceBytes) throw wrongPiece();
      if (name !== current?.name) await endLog();
      if (name === bundleName) {
        bundleBytes += data.length;
        if (bundleBytes > keptLimits.maxBundleBytes) throw wrongPiece();
        await bundle.write(data);
      } else if (/^logs\/[0-9a-f]{64}$/u.test(name)) {
        current ??= { name, writer: await logs.create() };
        await current.writer.write(data);
      } else throw wrongPiece();
    }
    await endLog();
    return bundleBytes > 0;
  } finally {
    await current?.writer.discard();
    await bundle.close();
  }
}

async function importKept(deps: KeptDeps, request: KeptRequest, pieces: AsyncIterable<KeptPiece>): Promise<void> {
  const { git, layout, logs, store } = deps;
  checkId("plan id", request.planId);
  checkObjects(request.objects);
  await makeTempFolder(layout.temp);
  const file = join(layout.temp, `${randomUUID()}.bundle`);
  try {
    const hasBundle = await spool(logs, pieces, file);
    if (request.repositoryPath === undefined) return;
    const repository = await findUserRepository(git, request.repositoryPath);
    const place = { git, gitDir: await store.refresh(repository) };
    if (hasBundle) await readBundle(place, file);
    await requireWhole(place, request.objects);
    await keepObjects(place, request.planId, request.objects);
  } finally {
    await rm(file, { force: true });
  }
}

export function moveKept(deps: KeptDeps): Moving {
  return {
    findLacking: (request) => findLacking(deps, request),
    exportKept: (request, options?: CallOptions) => exportKept(deps, request, options?.signal),
    importKept: (request, pieces) => importKept(deps, request, pieces),
  };
}
