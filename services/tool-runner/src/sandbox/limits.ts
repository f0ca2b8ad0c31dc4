// Named limits of a sandboxed run.
import type { SandboxLimits } from "./sandbox.ts";

const mebibyte = 1024 * 1024;

export const defaultSandboxLimits: SandboxLimits = {
  /** A test run of a large TypeScript project fits; a runaway does not take the machine. */
  memoryBytes: 4096 * mebibyte,
  processes: 512,
  fileBytes: 1024 * mebibyte,
  openFiles: 4096,
  /** Beyond this an endless printer is ended; the result itself keeps 16 KiB. */
  outputBytes: 64 * mebibyte,
  wallMs: 120_000,
  tmpBytes: 512 * mebibyte,
  /** The debug and release builds of a large native project fit; several plans do not fill a laptop's disk. */
  treeBytes: 16 * 1024 * mebibyte,
  /** The largest known repositories with their build outputs fit; a usual disk has tens of times as many to give. */
  treeEntries: 1_000_000,
};

/**
 * Smallest bound of a process's own memory by rlimit; with less, Node does not start. Address space
 * is not bounded: each WebAssembly memory reserves 10 GiB of it and uses next to nothing.
 */
export const minDataBytes = 1024 * mebibyte;

/** Milliseconds a dead box's pipes may stay open before they are closed for it. */
export const pipeGraceMs = 1_000;

/** Entries of a tree whose owner is looked up in this process: as many as take less than a millisecond or two. */
export const ownTreeEntries = 250;

export const engineLimits = {
  /** Milliseconds one call of a container engine may take; a loaded daemon needs seconds for a removal. */
  callMs: 60_000,
  /** Milliseconds until the client of a run that was ended is ended, too. */
  killMs: 10_000,
  /** Bytes of one answer: a list of containers. */
  answerBytes: 4 * mebibyte,
  /**
   * Processes of one user of the machine that podman is told of, for it asks for millions by itself and
   * a root without all rights may not give them. One box has its own bound; this is several of them.
   */
  podmanUserProcesses: 4_096,
  /** Bytes of the empty image: some folders and links. */
  imageBytes: 4 * mebibyte,
} as const;

/** Bounds of the container that holds a box's network: one small Node. */
export const gateLimits = {
  memoryBytes: 256 * mebibyte,
  /** Node itself has eleven threads. */
  processes: 64,
  /** Two for each of the connections a call may have open at once. */
  openFiles: 1_024,
} as const;

/** Files a private folder of so many bytes may hold: one for each 4 KiB, which a real tree does not reach. */
export function inodesOf(bytes: number): number {
  return Math.max(1_024, Math.floor(bytes / 4_096));
}
