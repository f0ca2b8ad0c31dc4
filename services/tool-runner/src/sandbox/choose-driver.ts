// Which driver a runner uses where none is named: bubblewrap, or a container where it is missing.
import { findEngine } from "./container-engine.ts";
import { findProgram } from "./find-program.ts";
import type { HostEnvironment } from "./toolchains.ts";

/** What a setting may say; `auto` leaves it to the machine. */
export type DriverSetting = "auto" | "bubblewrap" | "container";

/**
 * The driver to use. Looks for programs and starts none; with neither, bubblewrap it is, whose probe
 * then says what is missing and what mends it.
 */
export async function chooseDriver(setting: DriverSetting, host: HostEnvironment): Promise<"bubblewrap" | "container"> {
  if (setting !== "auto") return setting;
  if ((await findProgram(host.path, "bwrap")) !== undefined) return "bubblewrap";
  return (await findEngine(host, {})) === undefined ? "bubblewrap" : "container";
}
