// Small trees that each break what one check is for. A check that passes on its tree checks
// nothing, and that is a failure of the check.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

type Tree = Readonly<Record<string, string>>;

const tsconfig = (root: string) =>
  JSON.stringify({ extends: path.join(root, "tsconfig.base.json"), compilerOptions: { types: [] }, include: ["*.ts"] });

/** Files by check name, for a project at `root`. */
export function plantedTrees(root: string): Readonly<Record<"format" | "lint" | "types" | "unused" | "merged", Tree>> {
  return {
    format: { "ugly.ts": "export const   ugly = {a:1,\n b : 2}\n" },
    lint: {
      "tsconfig.json": tsconfig(root),
      "floating.ts":
        "async function work(): Promise<number> {\n  return 1;\n}\nexport function start(): void {\n  work();\n}\n",
    },
    types: { "tsconfig.json": tsconfig(root), "wrong.ts": 'export const wrong: number = "text";\n' },
    unused: {
      "package.json": '{ "name": "planted", "type": "module" }\n',
      "knip.json": '{ "entry": ["index.ts"], "project": ["*.ts"] }\n',
      "index.ts": "export {};\n",
      "forgotten.ts": "export const forgotten = 1;\n",
    },
    merged: { "half.md": `# Half\n${"<".repeat(8)} ours\ntext\n` },
  };
}

/** Writes a tree to a temporary folder, hands it to `work`, and removes it. */
export function withTree<T>(tree: Tree, work: (folder: string) => T): T {
  const folder = mkdtempSync(path.join(tmpdir(), "ossaat-planted-"));
  try {
    for (const [name, text] of Object.entries(tree)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
