// Puts failpoints between a server and the parts it is composed of.
import type { ToolService, WorkspaceService } from "@ossaat/contracts";
import type { KyselyPlugin, Transaction } from "kysely";

import type { Failpoints } from "./failpoints.ts";
import { callNames } from "./names.ts";
import type { CallName } from "./names.ts";
import { nameTransaction, noteStatement } from "./transaction-name.ts";
import type { Writes } from "./transaction-name.ts";

type StoreLike<Tables> = {
  tx<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>;
  forTenant(tenantId: string): StoreLike<Tables>;
};

function recorder(writes: Writes): KyselyPlugin {
  return {
    transformQuery({ node }) {
      noteStatement(node, writes);
      return node;
    },
    transformResult: ({ result }) => Promise.resolve(result),
  };
}

/** Reaches a point right before and right after the commit of each transaction that writes. */
export function watchStore<Tables, S extends StoreLike<Tables>>(
  store: S & StoreLike<Tables>,
  points: Failpoints,
): S & StoreLike<Tables> {
  return {
    ...store,
    forTenant: (tenantId: string) => watchStore<Tables, S>(store.forTenant(tenantId) as S, points),
    async tx<T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T> {
      const writes: Writes = { statements: new Set(), events: new Set() };
      const result = await store.tx(async (tx) => {
        const done = await work(tx.withPlugin(recorder(writes)));
        const name = nameTransaction(writes);
        if (name !== undefined) points.reach(`${name} before`);
        return done;
      });
      const name = nameTransaction(writes);
      if (name !== undefined) points.reach(`${name} after`);
      return result;
    },
  };
}

function isCall(name: string): name is CallName {
  return callNames.some((known) => known === name);
}

type Method = (...args: unknown[]) => unknown;

/** Wraps the methods of a part that have a name `prefix.method`; others stay as they are. */
export function watchMethods<T extends object>(part: T, prefix: string, points: Failpoints): T {
  const wrapped = Object.entries(part).map(([key, value]: [string, unknown]): [string, unknown] => {
    const name = `${prefix}.${key}`;
    if (typeof value !== "function" || !isCall(name)) return [key, value];
    const method = value as Method;
    return [key, watched(name, (...args) => method.apply(part, args), points)];
  });
  return { ...part, ...Object.fromEntries(wrapped) };
}

function watched(name: CallName, method: Method, points: Failpoints): Method {
  return (...args) => {
    points.reach(`${name} before`);
    const result = method(...args);
    if (!(result instanceof Promise)) {
      points.reach(`${name} after`);
      return result;
    }
    return result.then((value: unknown) => {
      points.reach(`${name} after`);
      return value;
    });
  };
}

/** The runner answers a call; the point after lies between its result and what is made of it. */
export function watchTools(tools: ToolService, points: Failpoints): ToolService {
  const watchedTools = watchMethods(tools, "tools", points);
  return {
    cancel: (invocationId) => watchedTools.cancel(invocationId),
    health: () => tools.health(),
    async *execute(invocation, options) {
      points.reach("tools.execute before");
      for await (const event of tools.execute(invocation, options)) {
        if (event.state !== "running") points.reach("tools.execute after");
        yield event;
      }
    },
  };
}

export function watchWorkspaces(workspaces: WorkspaceService, points: Failpoints): WorkspaceService {
  return watchMethods(workspaces, "workspaces", points);
}

type GitLike = {
  run(args: readonly string[], call?: object): Promise<unknown>;
  text(args: readonly string[], call?: object): Promise<string>;
};

/** Points around the git commands that write. */
export function watchGit<G extends GitLike>(git: G, points: Failpoints): G {
  const around = <T>(args: readonly string[], work: () => Promise<T>): Promise<T> => {
    const name = `git.${args[0] ?? ""}`;
    return isCall(name) ? (watched(name, work, points)() as Promise<T>) : work();
  };
  return {
    ...git,
    run: (args, call) => around(args, () => git.run(args, call)),
    text: (args, call) => around(args, () => git.text(args, call)),
  };
}

type JournalLike<Key, Event> = {
  begin(key: Key): Promise<{ add(event: Event): Promise<void>; close(): Promise<void> }>;
  forget(key: Key): Promise<void>;
  forgetPlan(planId: string): Promise<void>;
};

/** The event that makes a turn whole has points of its own. */
export function watchJournal<Key, Event extends { type: string }, J extends JournalLike<Key, Event>>(
  journal: J & JournalLike<Key, Event>,
  points: Failpoints,
): J & JournalLike<Key, Event> {
  const watchedJournal = watchMethods(journal, "journal", points);
  return {
    ...watchedJournal,
    async begin(key: Key) {
      const recording = await watchedJournal.begin(key);
      return {
        close: () => recording.close(),
        async add(event: Event) {
          if (event.type !== "finish") return recording.add(event);
          points.reach("journal.finish before");
          await recording.add(event);
          points.reach("journal.finish after");
        },
      };
    },
  };
}

type ProviderLike<Request, Event> = { stream(request: Request): AsyncIterable<Event> };
type ModelsLike<Request, Event, R extends { provider: ProviderLike<Request, Event> }> = {
  resolve(ref: string): Promise<R>;
};

/** Before a model is asked, and when the last of its answer has arrived. */
export function watchModels<
  Request,
  Event extends { type: string },
  R extends { provider: ProviderLike<Request, Event> },
  M extends ModelsLike<Request, Event, R>,
>(models: M & ModelsLike<Request, Event, R>, points: Failpoints): M & ModelsLike<Request, Event, R> {
  async function* stream(provider: ProviderLike<Request, Event>, request: Request): AsyncGenerator<Event> {
    points.reach("model.stream before");
    for await (const event of provider.stream(request)) {
      if (event.type === "finish") points.reach("model.stream after");
      yield event;
    }
  }
  return {
    ...models,
    async resolve(ref: string): Promise<R> {
      const resolved = await models.resolve(ref);
      const { provider } = resolved;
      return { ...resolved, provider: { ...provider, stream: (request: Request) => stream(provider, request) } };
    },
  };
}
