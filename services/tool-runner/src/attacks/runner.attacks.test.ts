// Attacks that no driver has a part in, and every attack where nothing protects.
import { testHost } from "../testing/host.ts";
import { describeAttacks, describePlanted } from "../testing/describe-attacks.ts";
import { createUnconfinedRunner } from "../sandbox/adapters/unconfined.ts";
import { boxAttacks, hostAttacks } from "./all.attack.ts";

const uid = process.getuid?.() ?? 0;
const unconfined = {
  create: (scratchDir: string) => createUnconfinedRunner({ host: testHost, scratchDir }),
  sees: { memory: false, processes: false },
  uid: { inside: uid, outside: uid },
};

describeAttacks("runner", unconfined, hostAttacks);
describePlanted(unconfined, [...hostAttacks, ...boxAttacks]);
