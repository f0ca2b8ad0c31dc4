// The command that looks at the machine.
import type { Command } from "commander";

import type { Act } from "./act.ts";
import { withExamples } from "./examples.ts";

/** doctor */
export function addDoctorCommands(program: Command, act: Act): void {
  const doctor = program
    .command("doctor")
    .description("what is missing here, and the command that mends it")
    .option("--online", "ask the vendors whether they take the keys")
    .action(
      act(async (context, _args, flags) => (await import("../commands/doctor.ts")).doctorCommand(flags, context), {
        isForgiving: true,
      }),
    );
  withExamples(
    doctor,
    ["ossaat doctor", "before the first run, and when something is odd"],
    ["ossaat doctor --json", "for a script; exit 1 when something fails"],
  );
}
