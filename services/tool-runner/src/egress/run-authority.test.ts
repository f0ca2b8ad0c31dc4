import { X509Certificate } from "node:crypto";

import { expect, test } from "vitest";

import { createRunAuthority } from "./run-authority.ts";

test("certificates of many hosts do not pile up", async () => {
  const authority = await createRunAuthority(Date.now());
  const first = await authority.contextFor("h0.example.org");
  expect(await authority.contextFor("h0.example.org")).toBe(first);
  for (let count = 1; count <= 256; count += 1) await authority.contextFor(`h${count}.example.org`);
  expect(await authority.contextFor("h0.example.org")).not.toBe(first);
  expect(new X509Certificate(authority.certificate).ca).toBe(true);
});
