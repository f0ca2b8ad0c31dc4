// The attacks against bubblewrap, as it is made for this user; for root also as a root that cannot
// become another user, who owns the kernel's settings and the device files.
import { createBubblewrapSandbox } from "../sandbox/adapters/bubblewrap.ts";
import { boxUid } from "../sandbox/box-arguments.ts";
import type { BoxIdentity } from "../sandbox/box-arguments.ts";
import { findIdentity } from "../sandbox/identity.ts";
import type { AttackedDriver } from "../testing/attack-target.ts";
import { describeAttacks } from "../testing/describe-attacks.ts";
import { testHost } from "../testing/host.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { boxAttacks } from "./all.attack.ts";

const own = await findIdentity();
const uid = process.getuid?.() ?? 0;

async function attackAs(name: string, identity: BoxIdentity, changes: Partial<AttackedDriver> = {}): Promise<void> {
  const create = (scratchDir: string) =>
    createBubblewrapSandbox({ host: testHost, arch: process.arch, scratchDir, identity });
  const trial = makeTempDir();
  const probe = await create(trial.path).probe();
  trial.remove();
  if (!probe.usable) return describeAttacks(name, { unusable: probe.detail }, boxAttacks);
  const isSeen = probe.detail.includes("control group v");
  const outside = identity === "switched" ? boxUid : uid;
  describeAttacks(
    name,
    { create, sees: { memory: isSeen, processes: isSeen }, uid: { inside: boxUid, outside }, ...changes },
    boxAttacks,
  );
}

await attackAs("bubblewrap", own);
if (own === "switched") {
  const changeable = ["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name}`);
  await attackAs("bubblewrap, root that stays root", "mappedRoot", { changeable });
}
