// Writes `src/gen` from `proto`, offline. With a folder as argument it writes there instead.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = resolve(process.argv[2] ?? join(root, "src/gen"));
const options = [
  "outputServices=nice-grpc,outputServices=generic-definitions,importSuffix=.ts,enumsAsLiterals=true",
  "unrecognizedEnum=false,oneof=unions-value,forceLong=number,useExactTypes=false",
].join(",");
const template = {
  version: "v2",
  plugins: [{ local: join(root, "node_modules/.bin/protoc-gen-ts_proto"), out, opt: [options] }],
};

rmSync(out, { recursive: true, force: true });
execFileSync(
  join(root, "node_modules/.bin/buf"),
  ["generate", join(root, "proto"), "--template", JSON.stringify(template)],
  {
    stdio: "inherit",
  },
);
for (const name of readdirSync(out, { recursive: true }) as string[]) {
  if (!name.endsWith(".ts")) continue;
  // The types come from a package of nice-grpc's own, which nice-grpc gives on.
  const text = readFileSync(join(out, name), "utf8").replace('from "nice-grpc-common"', 'from "nice-grpc"');
  writeFileSync(join(out, name), text);
}
