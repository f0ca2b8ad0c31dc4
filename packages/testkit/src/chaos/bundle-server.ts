// Makes one file of a server's entry, so that each of its many lives begins in a fraction of the
// time. What runs is the product's own source; a mutation changes one place of it on the way.
import { mkdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { rolldown } from "rolldown";

/** One change of the source that takes away a safeguard. */
export type Mutation = {
  name: string;
  /** End of the path of the file it changes. */
  file: string;
  /** Text that must occur exactly once in the file. */
  find: string;
  replace: string;
};

function mutate(code: string, { name, file, find, replace }: Mutation): string {
  const parts = code.split(find);
  if (parts.length !== 2) throw new Error(`mutation ${name}: its text occurs ${parts.length - 1} times in ${file}`);
  return parts.join(replace);
}

/** Modules find their own files by their own address, in a bundle too. */
function withOwnAddress(code: string, id: string): string {
  return code
    .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(id).href))
    .replaceAll("import.meta.dirname", JSON.stringify(path.dirname(id)));
}

/**
 * Bundles `entry` to `outFile`.
 * @throws Error when a mutation could not be applied exactly once
 */
export async function bundleServer(entry: string, outFile: string, mutations: readonly Mutation[] = []): Promise<void> {
  const applied: Mutation[] = [];
  mkdirSync(path.dirname(outFile), { recursive: true });
  const bundle = await rolldown({
    input: entry,
    platform: "node",
    // A UMD build finds its own parts by a `require` that no bundler sees.
    resolve: { mainFields: ["module", "main"] },
    logLevel: "silent",
    plugins: [
      {
        name: "own-address",
        transform(code, id) {
          const ofFile = mutations.filter(({ file }) => id.endsWith(file));
          applied.push(...ofFile);
          const changed = ofFile.reduce(mutate, code);
          return { code: withOwnAddress(changed, id) };
        },
      },
    ],
  });
  const require = `import { createRequire as requireFrom } from "node:module"; const require = requireFrom(${JSON.stringify(entry)});`;
  await bundle.write({ file: outFile, format: "esm", codeSplitting: false, banner: require });
  await bundle.close();
  for (const mutation of mutations) {
    const count = applied.filter((one) => one === mutation).length;
    if (count !== 1) throw new Error(`mutation ${mutation.name}: changed ${count} files`);
  }
}
