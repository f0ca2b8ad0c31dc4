// Keeps a reading for a while, so that scrapes cost the same however many there are, and none of them
// waits long or fails for what cannot be read.
import type { Clock } from "../clock.ts";
import { metricsLimits } from "./limits.ts";

type SamplerDeps<T> = {
  read: () => Promise<T>;
  clock: Pick<Clock, "monotonic">;
  /** Gets why a reading failed. */
  onError: (error: unknown) => void;
};

/** The last reading, or a new one when that is old; undefined when there is none, or none in time. */
export function createSampler<T>({ read, clock, onError }: SamplerDeps<T>): () => Promise<T | undefined> {
  let known: { at: number; value: T | undefined } | undefined;
  let reading: Promise<T | undefined> | undefined;
  const begin = () =>
    read()
      .catch((error: unknown) => {
        onError(error);
        return undefined;
      })
      .then((value) => {
        known = { at: clock.monotonic(), value };
        reading = undefined;
        return value;
      });
  return async () => {
    if (known !== undefined && clock.monotonic() - known.at < metricsLimits.cacheMs) return known.value;
    // NOTE: one that hangs is waited for by all and is not begun again beside itself.
    reading ??= begin();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(() => resolve(undefined), metricsLimits.waitMs);
    });
    return Promise.race([reading, late]).finally(() => clearTimeout(timer));
  };
}
