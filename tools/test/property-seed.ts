// Set-up of test files: property tests draw the same cases in every run, so that a change is judged by what it
// changed. SEED=random draws others, SEED=<number> those of a run that failed; the failure names its seed.
import { configureGlobal } from "fast-check";

const usual = 20_261_101;
const asked = process.env["SEED"] ?? "";

function readSeed(): number | undefined {
  if (asked === "") return usual;
  if (asked === "random") return undefined;
  const seed = Number(asked);
  if (!Number.isInteger(seed)) throw new Error(`SEED is "${asked}": give a whole number or "random"`);
  return seed;
}

const seed = readSeed();
if (seed !== undefined) configureGlobal({ seed });
