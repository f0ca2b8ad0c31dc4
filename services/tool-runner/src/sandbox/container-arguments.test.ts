import { expect, it } from "vitest";

import { createArguments, gateArguments } from "./container-arguments.ts";
import type { ContainerBox } from "./container-arguments.ts";
import { defaultSandboxLimits } from "./limits.ts";
import type { SandboxRequest } from "./sandbox.ts";

const box: ContainerBox = {
  base: {
    binds: [
      { source: "/usr", target: "/usr" },
      { source: "/state/box/passwd", target: "/etc/passwd" },
      { source: "/n/node", target: "/opt/ossaat/node/bin/node" },
    ],
    links: [{ target: "usr/bin", path: "/bin" }],
    path: "/usr/bin",
    env: {},
    emptyFile: "/state/box/empty",
  },
  engine: "docker",
  image: "ossaat-box:1",
  profile: "/state/box/seccomp.json",
  user: { uid: 10_001, gid: 10_001 },
  mapsUser: false,
  hasOwnFiles: false,
};

const request: SandboxRequest = {
  argv: ["--help", "-n", ""],
  cwd: "src",
  workspaceDir: '/state/a,b"c',
  env: { TOKEN: "x y" },
  limits: defaultSandboxLimits,
  onOutput: () => undefined,
};

const argumentsOf = (changes: Partial<ContainerBox> = {}) =>
  createArguments({ ...box, ...changes }, request, { labels: { "ossaat.box": "b" } });

/** Values that follow a word. */
const after = (words: readonly string[], name: string) => words.filter((_word, index) => words[index - 1] === name);

it("keeps a path with commas and quotes one field, and a program that looks like an option a program", () => {
  const words = argumentsOf();
  expect(after(words, "--mount")).toEqual([
    "type=bind,source=/usr,target=/usr,readonly",
    "type=bind,source=/state/box/passwd,target=/etc/passwd,readonly",
    "type=bind,source=/n/node,target=/opt/ossaat/node/bin/node,readonly",
    'type=bind,"source=/state/a,b""c",target=/workspace',
  ]);
  expect(words.slice(-4)).toEqual(["--entrypoint=--help", "ossaat-box:1", "-n", ""]);
  expect(after(words, "--env")).toContain("TOKEN=x y");
});

it("takes away what an engine gives by itself", () => {
  const words = argumentsOf();
  const hardened = [
    "--network=none --ipc=private --read-only --cap-drop=ALL --security-opt=no-new-privileges --init --pull=never",
    "--security-opt=seccomp=/state/box/seccomp.json --ulimit=core=0:0 --pids-limit=512 --user=10001:10001",
  ].flatMap((line) => line.split(" "));
  expect(hardened.filter((word) => !words.includes(word))).toEqual([]);
  expect(words.filter((word) => /privileged|--cap-add|\bhost\b|docker\.sock|--device/u.test(word))).toEqual([]);
});

it("shows an image's own files where one is named, and of the machine only Node and the box's user", () => {
  const words = argumentsOf({ hasOwnFiles: true, image: "own:1" });
  expect(after(words, "--mount").map((mount) => /target=([^,]+)/u.exec(mount)?.[1])).toEqual([
    "/etc/passwd",
    "/opt/ossaat/node/bin/node",
    "/workspace",
  ]);
  expect(words).toContain("own:1");
});

it("maps the user where the engine is an ordinary user's podman", () => {
  const mapped = "--userns=keep-id:uid=10001,gid=10001";
  expect([argumentsOf().includes(mapped), argumentsOf({ engine: "podman", mapsUser: true }).includes(mapped)]).toEqual([
    false,
    true,
  ]);
});

it("gives a box with a way out the network of its gate, and nothing else of it", () => {
  const labels = { "ossaat.box": "b" };
  const egress = {
    port: 3128,
    serve: () => Promise.resolve(),
    binds: [{ source: "/state/run.pem", target: "/opt/ossaat/egress/run.pem" }],
  };
  const words = createArguments(box, { ...request, egress }, { labels, gateId: "g1" });
  expect(words.filter((word) => /^--(?:network|hostname|pid=|ipc|volumes-from)/u.test(word))).toEqual([
    "--ipc=private",
    "--network=container:g1",
  ]);
  expect(after(words, "--mount")).toContain(
    "type=bind,source=/state/run.pem,target=/opt/ossaat/egress/run.pem,readonly",
  );
  const gate = gateArguments(box, { argv: ["/n", "-e", "x"], folder: { source: "/s", target: "/run/ossaat" } }, labels);
  expect(after(gate, "--mount")).toEqual([
    "type=bind,source=/usr,target=/usr,readonly",
    "type=bind,source=/state/box/passwd,target=/etc/passwd,readonly",
    "type=bind,source=/n/node,target=/opt/ossaat/node/bin/node,readonly",
    "type=bind,source=/s,target=/run/ossaat,readonly",
  ]);
  const hardened = "--network=none --cap-drop=ALL --read-only --security-opt=no-new-privileges --user=10001:10001";
  expect(hardened.split(" ").filter((word) => !gate.includes(word))).toEqual([]);
});

it("tells podman how many processes a user may have, and no bound of files that it does not know", () => {
  const [docker, podman] = [argumentsOf(), argumentsOf({ engine: "podman" })];
  const told = (words: readonly string[]) => [
    words.includes("--ulimit=nproc=4096:4096"),
    after(words, "--tmpfs").every((word) => word.includes("nr_inodes=")),
  ];
  expect([told(docker), told(podman)]).toEqual([
    [false, true],
    [true, false],
  ]);
});
