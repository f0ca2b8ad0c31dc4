// Files that a planted ignore rule hides from the comparison after a run.
import { Envelope } from "@ossaat/contracts";
import { wideEnvelope } from "../testing/open-runner.ts";
import { gitIn } from "../testing/user-repository.ts";
import type { RunnerAttack } from "../testing/attack-target.ts";

const envelope = Envelope.parse({ ...wideEnvelope, paths: ["src/**"] });
const script = `mkdir -p evil/sub; echo '*' > evil/sub/.gitignore; echo y > evil/sub/y; echo 'evil/' > .gitignore; echo '*' > evil/.gitignore; echo x > evil/x; echo x > src/ok.txt`;

export const hiddenByIgnore: RunnerAttack = {
  id: "hidden-by-ignore",
  title: "hide a change outside of the approved paths behind .gitignore",
  stride: "T",
  layer: "settling",
  against: "box",
  async attempt(target) {
    await target.sh(script, { envelope });
    return ["evil/x", ".gitignore", "evil/.gitignore", "evil/sub/y", "src/ok.txt"].filter((path) =>
      target.open.has(path),
    );
  },
  blocked: () => ["src/ok.txt"],
  audit: () => [
    ["changes", "outside_envelope"],
    ["changes", "outside_envelope"],
    ["changes", "outside_envelope"],
    ["changes", "outside_envelope"],
    ["changes", "outside_envelope"],
  ],
  planted: {
    async attempt({ open }) {
      open.repository.write(".gitignore", "evil/\n");
      open.repository.write("evil/x", "x");
      return gitIn(open.repository.root, ["status", "--porcelain"]);
    },
    gives: () => "?? .gitignore",
  },
};
