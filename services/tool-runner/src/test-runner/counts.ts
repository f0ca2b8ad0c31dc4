// What a parser finds in a runner's output. A missing count is unknown, never 0.
export type Failure = { name: string; message: string };

export type Counts = { passed?: number; failed?: number; skipped?: number; failures: Failure[] };
