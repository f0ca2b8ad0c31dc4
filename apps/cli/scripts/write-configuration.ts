// Writes docs/configuration.md from the table of settings.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { renderReference } from "../src/settings/render-reference.ts";

writeFileSync(fileURLToPath(new URL("../../../docs/configuration.md", import.meta.url)), renderReference());
