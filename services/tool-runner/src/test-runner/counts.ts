// What a parser finds in a runner's output. A missing count is unknown, never 0.
export type Failure = {
  name: string;
  message: string;
  /** `file:line` of the project where it failed, when the output says so. */
  at?: string;
};

export type Counts = {
  passed?: number;
  failed?: number;
  skipped?: number;
  failures: Failure[];
  /** The runner did not come to its end: a test took the process down, or the output is cut. */
  isBrokenOff?: boolean;
};

/** The field for a run that was broken off; nothing for one that came to its end. */
export function brokenOff(isBrokenOff: boolean): Pick<Counts, "isBrokenOff"> {
  return isBrokenOff ? { isBrokenOff } : {};
}
