// A process that owns the store and writes until it is killed. It prints the number of each
// plan after its commit, so that the parent knows what must still be there. As another user when a
// number of one is given.
import { openSqliteStore } from "../store/adapters/sqlite.ts";
import { planRow } from "./rows.ts";

const [file = "", uid] = process.argv.slice(2);
// Only now, because the sources may lie where that user cannot read.
if (uid !== undefined) process.setuid?.(Number(uid));
try {
  const store = await openSqliteStore(file);
  process.stdout.write("open\n");
  for (let n = 0; n < 100_000; n += 1) {
    await store.tx(async (tx) => {
      const id = String(n).padStart(6, "0");
      await tx
        .insertInto("plan")
        .values(planRow(`${id}.a`, { goal: "x".repeat(2_000) }))
        .execute();
      await tx
        .insertInto("plan")
        .values(planRow(`${id}.b`, { goal: "x".repeat(2_000) }))
        .execute();
    });
    process.stdout.write(`${n}\n`);
  }
} catch (error) {
  const { code, message, details } = error as { code?: string; message?: string; details?: unknown };
  process.stdout.write(`${JSON.stringify({ code, message, details })}\n`);
}
