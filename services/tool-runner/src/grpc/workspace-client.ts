// The WorkspaceService of a runner in another process.
import type { CallOptions, KeptPiece, KeptRequest, WorkspaceService } from "@ossaat/contracts";
import { callMetadata } from "@ossaat/contracts/grpc";
import type { WorkspaceServiceClient } from "@ossaat/contracts/proto/workspace";

import { runnerGrpcLimits } from "./limits.ts";
import { collectCommit, collectDiff, fromWireMerge, fromWireRepository } from "./wire-workspace.ts";

function callOptions(options: CallOptions | undefined) {
  const { signal } = options ?? {};
  return { metadata: callMetadata(options), ...(signal === undefined ? {} : { signal }) };
}

type RecordFile = { name: string; content: string };

/** Groups of files that each fit into one message; a file too large for any goes alone and is refused. */
function* batches(files: readonly RecordFile[]): Generator<RecordFile[]> {
  let batch: RecordFile[] = [];
  let bytes = 0;
  for (const file of files) {
    const size = Buffer.byteLength(file.content) + Buffer.byteLength(file.name) + 16;
    if (batch.length > 0 && bytes + size > runnerGrpcLimits.maxRecordBytes) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += size;
  }
  yield batch;
}

type Reading = "inspect" | "snapshot" | "diff" | "diffCommits" | "listKept" | "readLog";

function readingCalls(client: WorkspaceServiceClient): Pick<WorkspaceService, Reading> {
  return {
    inspect: async (request, options) => fromWireRepository(await client.inspect(request, callOptions(options))),
    snapshot: async (request, options) => {
      const { tree } = await client.snapshot(request, callOptions(options));
      return { tree };
    },
    diff: (request, options) => collectDiff(client.diff(request, callOptions(options))),
    diffCommits: (request, options) => collectDiff(client.diffCommits(request, callOptions(options))),
    listKept: async (request, options) => {
      const { planIds } = await client.listKept(request, callOptions(options));
      return { planIds };
    },
    readLog: async (request, options) => {
      const { data, totalBytes, nextByte } = await client.readLog(request, callOptions(options));
      return { data, totalBytes, nextByte };
    },
  };
}

type Moving = "findLacking" | "exportKept" | "importKept";

type ImportPart =
  | { $case: "request"; value: KeptRequest & { logRefs: string[]; objects: string[] } }
  | { $case: "piece"; value: KeptPiece };

async function* importParts(
  request: KeptRequest,
  pieces: AsyncIterable<KeptPiece>,
): AsyncGenerator<{ part: ImportPart }> {
  yield { part: { $case: "request", value: { ...request, objects: [...request.objects], logRefs: [] } } };
  for await (const value of pieces) yield { part: { $case: "piece", value } };
}

function movingCalls(client: WorkspaceServiceClient): Pick<WorkspaceService, Moving> {
  const wire = ({ objects, logRefs, ...request }: Parameters<WorkspaceService["exportKept"]>[0]) => ({
    ...request,
    objects: [...objects],
    logRefs: [...logRefs],
  });
  return {
    async findLacking(request, options) {
      const { objects, logRefs } = await client.findLacking(wire(request), callOptions(options));
      return { objects, logRefs };
    },
    async *exportKept(request, options) {
      for await (const { name, data } of client.exportKept(wire(request), callOptions(options))) yield { name, data };
    },
    async importKept(request, pieces, options) {
      await client.importKept(importParts(request, pieces), callOptions(options));
    },
  };
}

export function createWorkspaceClient(client: WorkspaceServiceClient): WorkspaceService {
  return {
    ...readingCalls(client),
    ...movingCalls(client),
    async open(request, options) {
      const { tree } = await client.open(request, callOptions(options));
      return { tree };
    },
    async restore(request, options) {
      await client.restore(request, callOptions(options));
    },
    commit: ({ allowedPaths: paths, ...request }, options) => {
      const allowedPaths = paths === undefined ? undefined : { paths };
      return collectCommit(client.commit({ ...request, allowedPaths }, callOptions(options)));
    },
    merge: async (request, options) => fromWireMerge(await client.merge(request, callOptions(options))),
    continueMerge: async (request, options) => fromWireMerge(await client.continueMerge(request, callOptions(options))),
    async publish(request, options) {
      const { branch, commit } = await client.publish(request, callOptions(options));
      return { branch, commit };
    },
    async writeRecord({ files, ...request }, options) {
      for (const batch of batches(files)) await client.writeRecord({ ...request, files: batch }, callOptions(options));
    },
    async remove(request, options) {
      await client.remove(request, callOptions(options));
    },
  };
}
