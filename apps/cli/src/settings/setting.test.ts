import { describe, expect, test } from "vitest";

import { shownText } from "./setting.ts";

describe("a value that was refused, as it is shown", () => {
  test.each([
    // A port is no password.
    ["postgres://127.0.0.1:15432", "postgres://127.0.0.1:15432"],
    ["postgres://[::1]:15432/", "postgres://[::1]:15432/"],
    ["nats://127.0.0.1:4222", "nats://127.0.0.1:4222"],
    ["kafka://a:9092,b:9092/x", "kafka://a:9092,b:9092/x"],
    ["postgres://ann@127.0.0.1:15432", "postgres://ann@127.0.0.1:15432"],
    ["postgres://ann:hidden@db:5432/plans", "postgres://ann:…@db:5432/plans"],
    ["postgres://ann:12345@db/plans", "postgres://ann:…@db/plans"],
    ["postgres://ann:hid/den&x@db/plans", "postgres://ann:…@db/plans"],
    ["postgres://[ann:hidden@db/plans", "postgres://[ann:…@db/plans"],
    ["postgres://:hidden@db/plans", "postgres://:…@db/plans"],
    ["postgres://ann:hidden", "postgres://ann:…"],
    ["postgres://ann@db/plans?password=hidden&x=1", "postgres://ann@db/plans?password=…&x=1"],
  ])("%s", (value, shown) => {
    expect(shownText(value)).toBe(JSON.stringify(shown));
  });
});
