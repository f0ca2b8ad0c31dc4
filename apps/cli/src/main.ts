// Entry of the CLI from its sources.
import { runMain } from "./run-main.ts";

await runMain();
