import fc from "fast-check";
import { describe, expect, test } from "vitest";

import { lockNotices, resolveSettings, valueOf } from "./resolve-settings.ts";
import type { Layers, ResolveOptions } from "./resolve-settings.ts";
import { layerNames } from "./setting.ts";
import type { LayerName } from "./setting.ts";
import { settingKeys, settingOf } from "./setting-table.ts";
import type { SettingKey } from "./setting-table.ts";

type Plain = Partial<Record<LayerName, Partial<Record<SettingKey, unknown>>>>;

function resolve(plain: Plain, more: { locked?: SettingKey[]; isProjectTrusted?: boolean } = {}) {
  const layers = Object.fromEntries(
    Object.entries(plain).map(([layer, values]) => [
      layer,
      new Map(Object.entries(values).map(([key, value]) => [key, { value, where: `${layer}!` }])),
    ]),
  ) as Layers;
  const options: ResolveOptions = {
    layers,
    locked: new Map((more.locked ?? []).map((key) => [key, "lock!"])),
    isProjectTrusted: more.isProjectTrusted ?? false,
  };
  return resolveSettings(options);
}

describe("precedence", () => {
  test("is flag, environment, user, system, default", () => {
    const layers: Plain = {
      flag: { model: "f" },
      env: { model: "e" },
      user: { model: "u" },
      system: { model: "s" },
    };
    const seen: unknown[] = [];
    for (const layer of ["flag", "env", "user", "system"] as const) {
      seen.push(resolve(layers).get("model"));
      delete layers[layer];
    }
    expect(seen.map((setting) => (setting as { value: unknown }).value)).toEqual(["f", "e", "u", "s"]);
    expect(seen[0]).toEqual({
      key: "model",
      value: "f",
      origin: { layer: "flag", where: "flag!" },
      overridden: [
        { layer: "env", where: "env!", value: "e", why: "overridden" },
        { layer: "user", where: "user!", value: "u", why: "overridden" },
        { layer: "system", where: "system!", value: "s", why: "overridden" },
      ],
    });
    expect(resolve({}).get("model")).toEqual({
      key: "model",
      origin: { layer: "default", where: "default" },
      overridden: [],
    });
  });
});

describe("a project", () => {
  test("narrows and never widens", () => {
    const project = { "budget.maxCostUsd": 9, "budget.maxMinutes": 1, "sandbox.required": false } as const;
    const settings = resolve({ project, user: { "sandbox.required": true } });
    expect(valueOf(settings, "budget.maxCostUsd")).toBe(5);
    expect(settings.get("budget.maxCostUsd")?.overridden[0]?.why).toBe("a project may only narrow");
    expect(settings.get("budget.maxMinutes")).toMatchObject({ value: 1, origin: { layer: "project" } });
    expect(valueOf(settings, "sandbox.required")).toBe(true);
  });

  test("leaves of a list of models what was allowed before", () => {
    const project = { "models.allowed": ["anthropic/claude-x", "openai/*"] };
    expect(valueOf(resolve({ project, user: { "models.allowed": ["anthropic/*"] } }), "models.allowed")).toEqual([
      "anthropic/claude-x",
    ]);
    expect(valueOf(resolve({ project }), "models.allowed")).toEqual(["anthropic/claude-x", "openai/*"]);
  });

  test("names a model only when it is trusted", () => {
    const layers: Plain = { project: { model: "p" }, user: { model: "u" } };
    expect(valueOf(resolve(layers), "model")).toBe("u");
    expect(resolve(layers).get("model")?.overridden[0]?.why).toContain("not trusted");
    expect(valueOf(resolve(layers, { isProjectTrusted: true }), "model")).toBe("p");
  });

  test("cannot take enterprise back", () => {
    expect(valueOf(resolve({ project: { runMode: "consumer" }, user: { runMode: "enterprise" } }), "runMode")).toBe(
      "enterprise",
    );
  });
});

describe("a lock", () => {
  const system = { "budget.maxCostUsd": 3, model: "s" } as const;
  const locked: SettingKey[] = ["budget.maxCostUsd", "model"];

  test("wins over everything, and tells the person what had no effect", () => {
    const settings = resolve({ system, flag: { "budget.maxCostUsd": 50, model: "f" } }, { locked });
    expect(settings.get("budget.maxCostUsd")).toMatchObject({
      value: 3,
      origin: { layer: "system" },
      lockedBy: "lock!",
    });
    expect(valueOf(settings, "model")).toBe("s");
    expect(lockNotices(settings)).toEqual([
      'flag! has no effect: model is "s", locked by lock!.',
      "flag! has no effect: budget.maxCostUsd is 3, locked by lock!.",
    ]);
  });

  test("leaves what is stricter", () => {
    const settings = resolve({ system, flag: { "budget.maxCostUsd": 1 } }, { locked });
    expect(settings.get("budget.maxCostUsd")).toMatchObject({ value: 1, origin: { layer: "flag" } });
    expect(lockNotices(settings)).toEqual([]);
  });

  test("bounds every mix of layers (property)", () => {
    const amount = fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined });
    fc.assert(
      fc.property(fc.record(Object.fromEntries(layerNames.map((name) => [name, amount]))), (amounts) => {
        const plain = Object.fromEntries(
          Object.entries(amounts).flatMap(([layer, value]) =>
            value === undefined || layer === "default" ? [] : [[layer, { "budget.maxCostUsd": value }]],
          ),
        ) as Plain;
        const lock = amounts["system"] === undefined ? [] : (["budget.maxCostUsd"] as SettingKey[]);
        const value = valueOf(resolve(plain, { locked: lock }), "budget.maxCostUsd") ?? Number.NaN;
        const chosen = amounts["flag"] ?? amounts["env"] ?? Number.POSITIVE_INFINITY;
        const below = amounts["user"] ?? amounts["system"] ?? 5;
        const unlocked = Math.min(chosen, Math.min(below, amounts["project"] ?? below));
        const expected = chosen === Number.POSITIVE_INFINITY ? unlocked : Math.min(chosen, amounts["system"] ?? chosen);
        expect(value).toBe(Math.min(expected, amounts["system"] ?? expected));
      }),
    );
  });
});

describe("run mode enterprise", () => {
  test("demands the sandbox, and says who does", () => {
    expect(
      resolve({ env: { runMode: "enterprise" }, user: { "sandbox.required": false } }).get("sandbox.required"),
    ).toEqual({
      key: "sandbox.required",
      value: true,
      origin: { layer: "runMode", where: "runMode enterprise (env!)" },
      overridden: [
        { layer: "user", where: "user!", value: false, why: "runMode enterprise demands the sandbox" },
        { layer: "default", where: "default", value: false, why: "overridden" },
      ],
    });
  });
});

test("every setting reads back its own default, and refuses nonsense", () => {
  for (const key of settingKeys) {
    const setting = settingOf(key);
    if (setting.default !== undefined) expect(setting.read(setting.default), key).toEqual(setting.default);
    expect(setting.default !== undefined || setting.defaultText !== undefined, key).toBe(true);
    for (const nonsense of [{}, "\u001b[31m", ["", " "]]) expect(setting.read(nonsense), key).toBeUndefined();
  }
});
