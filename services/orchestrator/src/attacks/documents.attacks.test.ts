// Attacks on the documents a plan leaves in the repository.
import { describe, expect, it } from "vitest";

import { remoteImage } from "./remote-image.attack.ts";

const title = `${remoteImage.id}: ${remoteImage.title} {${remoteImage.stride}} [${remoteImage.layer}]`;

describe("documents", () => {
  it.each([[title, remoteImage] as const])("%s", async (_title, attack) => {
    expect(await attack.attempt()).toEqual(attack.blocked());
  });
});

describe("without protection", () => {
  it.each([[title, remoteImage] as const])("%s", async (_title, { planted }) => {
    const outcome = "unsafe" in planted ? undefined : [await planted.attempt?.(), planted.gives()];
    expect(outcome?.[0]).toEqual(outcome?.[1]);
    expect(outcome).toBeDefined();
  });
});
