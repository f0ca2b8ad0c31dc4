// Makes the bundles of the CLI and its server; leaves current ones alone.
import { isCurrent, manifestName, readManifest, serverManifestName } from "../../apps/cli/src/bundle/manifest.ts";
import { bundleCli, currentBuild } from "./bundle-cli.ts";

const folder = ".tools/cli";
const build = currentBuild(folder);
const isBuilt = [manifestName, serverManifestName].every((name) => {
  const manifest = build === undefined ? undefined : readManifest(build, name);
  return manifest !== undefined && isCurrent(manifest, Object.keys(manifest.files));
});
if (!isBuilt) await bundleCli(".", folder);
