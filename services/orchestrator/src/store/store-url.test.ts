import { expect, test } from "vitest";

import { readStoreUrl } from "./store-url.ts";

const address = "postgres://ann@db.test:5432/plans";
const nothing = (): string => {
  throw new Error("no such file");
};

test("takes the password apart from the address, and puts it in whatever it holds", () => {
  expect(readStoreUrl({ address, read: nothing })).toEqual({ url: address });
  const password = "a/b@c:d%25 é#?";
  const { url, password: given } = readStoreUrl({ address, password, read: nothing });
  expect([decodeURIComponent(new URL(url).password), given]).toEqual([password, password]);
  expect(new URL(url).host).toBe("db.test:5432");
  const fromFile = readStoreUrl({ address, passwordFile: "/f", read: (path) => `of ${path}\n` });
  expect(decodeURIComponent(new URL(fromFile.url).password)).toBe("of /f");
});

test("refuses an address with a password, and repeats none", () => {
  for (const wrong of [
    "postgres://ann:hidden@db/plans",
    "postgres://db/plans?user=ann&password=hidden",
    "no address",
  ]) {
    expect(() => readStoreUrl({ address: wrong, read: nothing })).toThrow(
      /^OSSAAT_STORE (must hold no password|is no address): (?!.*hidden)/u,
    );
  }
  expect(() => readStoreUrl({ address, password: "a", passwordFile: "/f", read: nothing })).toThrow("Set one of");
  expect(() => readStoreUrl({ address, passwordFile: "/f", read: nothing })).toThrow("/f cannot be read");
});
