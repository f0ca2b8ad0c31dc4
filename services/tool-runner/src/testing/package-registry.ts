// A registry of packages as programs ask for them: one package for npm and one for pip, each packed
// as those programs pack theirs. It is the internet side of a test.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";

import { makeTempDir } from "./temp-dir.ts";

type Answer = { type: string; body: string | Buffer };

/** One package of npm's, as its tarball. */
function packForNpm(): Buffer {
  const dir = makeTempDir();
  try {
    mkdirSync(dir.at("package"));
    writeFileSync(dir.at("package/package.json"), '{"name":"tiny","version":"1.0.0","main":"index.js"}');
    writeFileSync(dir.at("package/index.js"), 'module.exports = "tiny of npm";\n');
    return execFileSync("tar", ["-cz", "-C", dir.path, "package"]);
  } finally {
    dir.remove();
  }
}

const wheelScript = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], "w") as wheel:
  info = "tiny_wheel-1.0.0.dist-info/"
  wheel.writestr("tiny_wheel.py", "said = 'tiny of pip'\\n")
  wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: tiny-wheel\\nVersion: 1.0.0\\n")
  wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
  wheel.writestr(info + "RECORD", "".join(name + ",,\\n" for name in ("tiny_wheel.py", info + "METADATA", info + "WHEEL", info + "RECORD")))
`;

/** One package of pip's, as a wheel. */
function packForPip(): Buffer {
  const dir = makeTempDir();
  try {
    execFileSync("/usr/bin/python3", ["-c", wheelScript, dir.at("wheel.whl")]);
    return readFileSync(dir.at("wheel.whl"));
  } finally {
    dir.remove();
  }
}

const wheelName = "tiny_wheel-1.0.0-py3-none-any.whl";

/** Answers requests as a registry of npm's and an index of pip's do. */
export function packageRegistry(): (request: IncomingMessage, response: ServerResponse) => void {
  const tarball = packForNpm();
  const wheel = packForPip();
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const metadata = (base: string): string =>
    JSON.stringify({
      name: "tiny",
      "dist-tags": { latest: "1.0.0" },
      versions: {
        "1.0.0": { name: "tiny", version: "1.0.0", dist: { tarball: `${base}/tiny/-/tiny-1.0.0.tgz`, integrity } },
      },
    });
  const answers: Readonly<Record<string, (base: string) => Answer>> = {
    "/tiny": (base) => ({ type: "application/json", body: metadata(base) }),
    "/tiny/-/tiny-1.0.0.tgz": () => ({ type: "application/octet-stream", body: tarball }),
    "/simple/tiny-wheel/": () => ({
      type: "text/html",
      body: `<!DOCTYPE html><a href="/files/${wheelName}">${wheelName}</a>`,
    }),
    [`/files/${wheelName}`]: () => ({ type: "application/octet-stream", body: wheel }),
  };
  return ({ url = "", headers }, response) => {
    const answer = answers[url]?.(`https://${headers.host}`);
    if (answer === undefined) response.writeHead(404).end("no such package");
    else response.writeHead(200, { "content-type": answer.type }).end(answer.body);
  };
}
