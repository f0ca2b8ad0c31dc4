// Named limits of build caches.
export const buildCacheLimits = {
  /** Wall time for filling the first cache of a toolchain, ms: the standard library, compiled once. */
  seedMs: 600_000,
} as const;
