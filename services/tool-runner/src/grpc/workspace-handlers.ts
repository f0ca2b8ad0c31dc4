// agent.v1.WorkspaceService over the runner's own WorkspaceService.
import { AgentError } from "@ossaat/contracts";
import type { CallOptions, KeptPiece, WorkspaceId, WorkspaceService } from "@ossaat/contracts";
import type { ImportKeptPart, WorkspaceServiceImplementation } from "@ossaat/contracts/proto/workspace";
import type { CallContext } from "nice-grpc";

import { present, toCommitParts, toWireMerge } from "./wire-workspace.ts";

const named = <T extends { workspaceId: string }>(request: T) => ({
  ...request,
  workspaceId: request.workspaceId as WorkspaceId,
});

const options = ({ signal }: CallContext): CallOptions => ({ signal });

type Reading = "inspect" | "snapshot" | "diff" | "diffCommits" | "listKept" | "readLog";

function readingHandlers(service: WorkspaceService): Pick<WorkspaceServiceImplementation, Reading> {
  return {
    async inspect({ path, baseRef }, context) {
      return service.inspect({ path, ...present({ baseRef }) }, options(context));
    },
    async snapshot(request, context) {
      return service.snapshot(named(request), options(context));
    },
    async *diff(request, context) {
      yield* (await service.diff(named(request), options(context))).files;
    },
    async *diffCommits(request, context) {
      yield* (await service.diffCommits(request, options(context))).files;
    },
    async listKept({ after }, context) {
      return service.listKept(present({ after }), options(context));
    },
    async readLog({ logRef, fromByte, maxBytes }, context) {
      return service.readLog({ logRef, ...present({ fromByte, maxBytes }) }, options(context));
    },
  };
}

type Moving = "findLacking" | "exportKept" | "importKept";

function badOrder(): AgentError {
  return new AgentError("invalid_input", "An import is one request and then its pieces.");
}

async function* piecesOf(parts: AsyncIterator<ImportKeptPart>): AsyncGenerator<KeptPiece> {
  for (let next = await parts.next(); next.done !== true; next = await parts.next()) {
    const { part } = next.value;
    if (part?.$case !== "piece") throw badOrder();
    yield part.value;
  }
}

function movingHandlers(service: WorkspaceService): Pick<WorkspaceServiceImplementation, Moving> {
  return {
    async findLacking({ repositoryPath, ...request }, context) {
      return service.findLacking({ ...request, ...present({ repositoryPath }) }, options(context));
    },
    async *exportKept({ repositoryPath, ...request }, context) {
      yield* service.exportKept({ ...request, ...present({ repositoryPath }) }, options(context));
    },
    async importKept(stream, context) {
      const parts = stream[Symbol.asyncIterator]();
      const first = await parts.next();
      const part = first.done === true ? undefined : first.value.part;
      if (part?.$case !== "request") throw badOrder();
      const { planId, objects, repositoryPath } = part.value;
      const request = { planId, objects, ...present({ repositoryPath }) };
      await service.importKept(request, piecesOf(parts), options(context));
      return {};
    },
  };
}

export function createWorkspaceHandlers(service: WorkspaceService): WorkspaceServiceImplementation {
  return {
    ...readingHandlers(service),
    ...movingHandlers(service),
    async open(request, context) {
      return service.open(named(request), options(context));
    },
    async restore(request, context) {
      await service.restore(named(request), options(context));
      return {};
    },
    async *commit({ allowedPaths, ...request }, context) {
      const asked = { ...named(request), ...present({ allowedPaths: allowedPaths?.paths }) };
      yield* toCommitParts(await service.commit(asked, options(context)));
    },
    async merge(request, context) {
      return toWireMerge(await service.merge(named(request), options(context)));
    },
    async continueMerge(request, context) {
      return toWireMerge(await service.continueMerge(named(request), options(context)));
    },
    async publish(request, context) {
      return service.publish(request, options(context));
    },
    async writeRecord(request, context) {
      await service.writeRecord(request, options(context));
      return {};
    },
    async remove(request, context) {
      await service.remove(request, options(context));
      return {};
    },
  };
}
