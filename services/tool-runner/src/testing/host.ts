// The machine as tests show it to a box: this Node, system folders, no home folder.
import type { HostEnvironment } from "../sandbox/toolchains.ts";

export const testHost: HostEnvironment = {
  path: "/usr/local/bin:/usr/bin:/bin",
  home: "",
  execPath: process.execPath,
};
