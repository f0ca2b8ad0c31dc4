import { expect, it } from "vitest";

import { chooseIdentity } from "./identity.ts";

const all = "000001ffffffffff";
/** The default set of a container: no CAP_SYS_ADMIN among it. */
const container = "00000000a80425fb";

it.each([
  ["an ordinary user", 1000, "0000000000000000", "mapped"],
  ["an ordinary user with every capability", 1000, all, "mapped"],
  ["root", 0, all, "switched"],
  ["root of a container", 0, container, "mappedRoot"],
  ["root of a container that may mount", 0, "00000000a82425ff", "switched"],
  ["root without CAP_SETUID", 0, "000001ffffffff7f", "mappedRoot"],
  ["root whose capabilities are not known", 0, "", "mappedRoot"],
  ["a system without user numbers", undefined, all, "mapped"],
])("%s", (_name, uid, effective, expected) => {
  expect(chooseIdentity(uid, effective)).toBe(expected);
});
