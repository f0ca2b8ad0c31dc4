// A process that can be killed: from one moment on, nothing it does has an effect any more.
import type { ToolService, WorkspaceService } from "@ossaat/contracts";

import type { Models } from "../provider/models.ts";
import type { Store } from "../store/store.ts";

/** Thrown by everything a dead process still tries. */
export class Killed extends Error {
  constructor() {
    super("this process is dead");
    this.name = "Killed";
  }
}

export type Life = {
  /** Commits so far. */
  commits: number;
  isDead: boolean;
  /** @throws Killed when dead */
  check(): void;
};

export function createLife(): Life {
  const life: Life = {
    commits: 0,
    isDead: false,
    check() {
      if (life.isDead) throw new Killed();
    },
  };
  return life;
}

/**
 * When a process dies: right after a commit, or when it next wants to commit, so that everything
 * outside the database in between has happened.
 */
export type Death = { afterCommits: number; when: "at once" | "at the next commit" };

/** A store whose commits are counted; after the last one the process is dead. */
export function mortalStore(store: Store, life: Life, death: Death): Store {
  const { afterCommits, when } = death;
  return {
    ...store,
    forTenant: (tenantId) => mortalStore(store.forTenant(tenantId), life, death),
    get read() {
      life.check();
      return store.read;
    },
    async tx(work) {
      life.isDead ||= life.commits >= afterCommits;
      life.check();
      const result = await store.tx(work);
      life.commits += 1;
      if (when === "at once") life.isDead ||= life.commits >= afterCommits;
      return result;
    },
    close: () => Promise.resolve(),
  };
}

export function mortalModels(models: Models, life: Life): Models {
  return {
    defaultRef: () => models.defaultRef(),
    async resolve(ref) {
      life.check();
      const resolved = await models.resolve(ref);
      const { provider } = resolved;
      const stream: typeof provider.stream = (request) => {
        life.check();
        return provider.stream(request);
      };
      return { ...resolved, provider: { ...provider, stream } };
    },
  };
}

export function mortalTools(tools: ToolService, life: Life): ToolService {
  return {
    execute(invocation, options) {
      life.check();
      return tools.execute(invocation, options);
    },
    cancel: (invocationId) => tools.cancel(invocationId),
    health: () => tools.health(),
  };
}

/** Every call of a dead process fails before it does anything. */
export function mortalWorkspaces(workspaces: WorkspaceService, life: Life): WorkspaceService {
  return new Proxy(workspaces, {
    get(target, name, receiver) {
      life.check();
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
}
