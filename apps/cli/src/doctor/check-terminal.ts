// The settings files and the terminal.
import { accessSync, constants } from "node:fs";
import path from "node:path";

import type { Config } from "../config.ts";
import type { Output } from "../terminal/output.ts";
import { fail, ok, warn } from "./finding.ts";
import type { Finding } from "./finding.ts";

/** What could not be read, file by file. */
export function checkSettings({ loaded, runMode }: Config): Finding[] {
  const { problems, files, project } = loaded;
  const broken = problems.map(({ message, details }) => {
    const next = typeof details["next"] === "string" ? details["next"] : "ossaat config list";
    return fail("settings", message, next);
  });
  if (broken.length > 0) return broken;
  const inert = [...loaded.settings.values()].some(({ overridden }) =>
    overridden.some(({ why }) => why.startsWith("inert")),
  );
  if (project !== undefined && inert) {
    return [warn("settings", `${files.project ?? ""} names a model and is not trusted.`, "ossaat config trust")];
  }
  return [ok("settings", `run mode ${runMode}; ossaat config list --show-origin`)];
}

function findOnPath(program: string, searchPath: string): boolean {
  const places = program.includes("/") ? [program] : searchPath.split(":").map((folder) => path.join(folder, program));
  return places.some((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function checkEditor({ editor, searchPath }: Config): Finding {
  const [program = ""] = (editor ?? "").trim().split(/\s+/);
  if (program === "") return ok("editor", "none named; vi is used for ossaat edit");
  if (findOnPath(program, searchPath)) return ok("editor", editor ?? "");
  return warn("editor", `${program} is not found.`, "ossaat config set terminal.editor vi");
}

export function checkTerminal(config: Config, output: Output): Finding[] {
  const { locale } = config;
  const size = `${output.width} columns, ${output.color ? "colour" : "no colour"}`;
  const kind = output.isInteractive ? "questions are asked" : "nobody is asked (no terminal, CI or --no-input)";
  const isUtf8 = locale === undefined || /utf-?8/i.test(locale);
  const terminal =
    isUtf8 || output.plain
      ? ok("terminal", `${size}; ${kind}`)
      : warn("terminal", `The locale ${locale} has no symbols; they will look broken.`, "export LANG=C.UTF-8");
  return [terminal, checkEditor(config)];
}
