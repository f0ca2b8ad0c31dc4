// Which driver a runner uses where none is named: bubblewrap, or a container where it is missing or
// does not work.
import { findEngine } from "./container-engine.ts";
import { findProgram } from "./find-program.ts";
import type { HostEnvironment } from "./toolchains.ts";

/** What a setting may say; `auto` leaves it to the machine. */
export type DriverSetting = "auto" | "bubblewrap" | "container";

export type DriverTrial = {
  host: HostEnvironment;
  /** Tries a driver for real. */
  works: (driver: "bubblewrap" | "container") => Promise<boolean>;
};

/**
 * The driver to use. Where both could be, bubblewrap is tried, and a container taken only when that
 * works and bubblewrap does not: a kernel or a container may forbid the namespaces it needs. With
 * neither, bubblewrap it is, whose probe then says what is missing and what mends it.
 */
export async function chooseDriver(
  setting: DriverSetting,
  { host, works }: DriverTrial,
): Promise<"bubblewrap" | "container"> {
  if (setting !== "auto") return setting;
  if ((await findEngine(host, {})) === undefined) return "bubblewrap";
  if ((await findProgram(host.path, "bwrap")) === undefined) return "container";
  if (await works("bubblewrap")) return "bubblewrap";
  return (await works("container")) ? "container" : "bubblewrap";
}
