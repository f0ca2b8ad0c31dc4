// Keys of an edited plan that mean nothing: stored plans may hold those of other versions, but what a
// person adds and nobody reads is a mistake.
import { suggest } from "@ossaat/agents";
import { z } from "zod";

export type UnknownKey = { path: string; message: string };

type Place = { schema: unknown; value: unknown; before: unknown; path: string };

/** The schema of what is there, without what says that it may be left out. */
function bare(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return bare(schema.unwrap());
  return schema;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every key that one of the shapes of a place has. */
function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  if (schema instanceof z.ZodObject) return schema.shape;
  if (!(schema instanceof z.ZodDiscriminatedUnion)) return undefined;
  const shapes = (schema.options as unknown[]).map((option) => shapeOf(option) ?? {});
  return Object.assign({}, ...shapes) as Record<string, unknown>;
}

/** The entry of a list as it was: steps are known by their id, everything else by its place. */
function entryBefore(before: unknown, entry: unknown, index: number): unknown {
  if (!Array.isArray(before)) return undefined;
  const id = isRecord(entry) ? entry["id"] : undefined;
  if (id === undefined) return before[index];
  return before.find((other: unknown) => isRecord(other) && other["id"] === id);
}

/** @param before the same place of the revision that was edited: what it has may stay */
export function findUnknownKeys({ schema, value, before, path }: Place): UnknownKey[] {
  const here = bare(schema);
  if (here instanceof z.ZodArray && Array.isArray(value)) {
    return value.flatMap((entry: unknown, index) =>
      findUnknownKeys({
        schema: here.element,
        value: entry,
        before: entryBefore(before, entry, index),
        path: `${path}[${index}]`,
      }),
    );
  }
  const shape = shapeOf(here);
  if (shape === undefined || !isRecord(value)) return [];
  const old = isRecord(before) ? before : {};
  return Object.entries(value).flatMap(([key, inner]) => {
    const at = path === "" ? key : `${path}.${key}`;
    if (Object.hasOwn(shape, key))
      return findUnknownKeys({ schema: shape[key], value: inner, before: old[key], path: at });
    if (Object.hasOwn(old, key)) return [];
    const known = Object.keys(shape);
    return [{ path: at, message: `there is no such key.${suggest(key, known)} Known: ${known.join(", ")}` }];
  });
}
