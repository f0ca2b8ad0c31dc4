// What a chaos run tells the server process that it starts, and what it says to it while it lives.
import { z } from "zod";

export const ServerSettings = z.strictObject({
  stateDir: z.string(),
  cacheDir: z.string(),
  /** Gets a line for each request a scripted model was sent, and for each that it answered to its end. */
  requestLog: z.string(),
  /** Gets a line for the first two times that each failpoint is reached. */
  reachedFile: z.string(),
  target: z.strictObject({ name: z.string(), hit: z.int().positive() }).optional(),
  /** Address of a tool runner in a process of its own; absent = the server's own. */
  runnerAddress: z.string().optional(),
  /** By how far the server's clock is off, ms. */
  clockOffsetMs: z.number(),
  /** Limits of the job engine to replace. */
  limits: z.record(z.string(), z.number()),
});
export type ServerSettings = z.infer<typeof ServerSettings>;

/** Sent to the server process: its clock jumps to this offset, ms. */
export type ServerOrder = { clockOffsetMs: number };

/** Sent by the server process once it answers requests. */
export type ServerNews = { ready: { url: string; token: string } };
