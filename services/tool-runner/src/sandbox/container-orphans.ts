// Containers of runners that were killed before they could remove them, told by their labels.
import { askEngine, callEngine } from "./container-engine.ts";
import type { ContainerEngine } from "./container-engine.ts";
import { isLiving, processName } from "./process-name.ts";

const ownerLabel = "ossaat.runner";

/** Labels of every container of this process. `place` stands for the runner's own folder. */
export async function runnerLabels(place: string): Promise<Record<string, string>> {
  return { "ossaat.box": place.slice(0, 32), [ownerLabel]: await processName() };
}

/** Removes containers of the same folder whose process is gone. */
export async function removeOrphans(engine: ContainerEngine, labels: Readonly<Record<string, string>>): Promise<void> {
  const filter = `label=ossaat.box=${labels["ossaat.box"] ?? ""}`;
  const listed = await askEngine(engine, ["ps", "--all", "--no-trunc", "--quiet", "--filter", filter]);
  for (const id of listed.split("\n").filter((row) => row !== "")) {
    // Of a list, docker and podman tell labels in different words; of one container in the same.
    const format = `{{index .Config.Labels "${ownerLabel}"}}`;
    const { code, stdout } = await callEngine(engine, ["inspect", "--format", format, id]);
    // It went away by itself.
    if (code !== 0) continue;
    if (await isLiving(stdout.trim())) continue;
    await callEngine(engine, ["rm", "--force", "--volumes", id]);
  }
}
