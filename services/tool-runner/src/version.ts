// The runner's version, as its logs name it.
import manifest from "../package.json" with { type: "json" };

export const runnerVersion: string = manifest.version;
