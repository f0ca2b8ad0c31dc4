// Makes the bundle that the launcher prefers; leaves a current one alone.
import { isCurrent, readManifest } from "../../apps/cli/src/bundle/manifest.ts";
import { bundleCli, currentBuild } from "./bundle-cli.ts";

const folder = ".tools/cli";
const build = currentBuild(folder);
const manifest = build === undefined ? undefined : readManifest(build);
if (manifest === undefined || !isCurrent(manifest, Object.keys(manifest.files))) await bundleCli(".", folder);
