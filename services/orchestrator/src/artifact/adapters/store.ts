// Artifacts in the database that processes share, as rows named by their hash.
import { AgentError } from "@ossaat/contracts";

import type { Store } from "../../store/store.ts";
import { artifactRef } from "../artifacts.ts";
import type { Artifacts } from "../artifacts.ts";

export function createStoreArtifacts(store: Store): Artifacts {
  return {
    async put(text) {
      const ref = artifactRef(text);
      const body = Buffer.from(text, "utf8");
      await store.tx((tx) =>
        tx
          .insertInto("artifact")
          .values({ ref, body })
          .onConflict((conflict) => conflict.column("ref").doNothing())
          .execute(),
      );
      return { ref, bytes: body.length };
    },
    async get(ref) {
      if (!/^[0-9a-f]{64}$/.test(ref)) throw new AgentError("invalid_input", "An artifact is named by its SHA-256.");
      const row = await store.read.selectFrom("artifact").select("body").where("ref", "=", ref).executeTakeFirst();
      if (row === undefined) {
        throw new AgentError("not_found", `There is no artifact ${ref}.`, { details: { next: "ossaat doctor" } });
      }
      const text = Buffer.from(row.body).toString("utf8");
      if (artifactRef(text) !== ref) throw new AgentError("internal", `The artifact ${ref} is damaged.`);
      return text;
    },
  };
}
