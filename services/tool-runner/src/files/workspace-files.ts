// Files of a working tree as the host touches them: one path component at a time, from an open
// folder to the next, never through a link. A folder or link swapped in between two steps by
// something inside the box cannot lead out, because no step resolves more than one name.
//
// `/proc/self/fd/N/name` is Linux's way to say "name, in the folder I hold open as N" (openat)
// from Node; O_NOFOLLOW refuses a link as that one name. The other way, doing every read inside
// the sandbox, costs a process each time and would still need this for the platform's own writes.
import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, rename, rmdir, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, posix } from "node:path";

import { AgentError } from "@ossaat/contracts";
import { normalizePath } from "@ossaat/policy";

const folderFlags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
// Without O_NONBLOCK a named pipe would hold the call for ever.
const readFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const createFlags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

export type FileContent = { data: Buffer; mode: number; size: number };

/** Modes of a new file and of folders made for it. */
export type WriteOptions = { mode?: number; folderMode?: number };

export type WorkspaceFiles = {
  /** @throws AgentError not_found, invalid_input (a folder, a link, a device), limit_exceeded */
  read(path: string, maxBytes: number): Promise<FileContent>;
  /** Up to `maxBytes` from `position` on. */
  readRange(path: string, position: number, maxBytes: number): Promise<FileContent>;
  /** Kind of what is at the path; links are not followed. */
  kind(path: string): Promise<"file" | "folder" | "link" | "other" | "missing">;
  /** Writes whole, through a temporary name; makes missing folders; keeps the mode of an existing file. */
  write(path: string, data: string | Uint8Array, options?: WriteOptions): Promise<void>;
  remove(path: string): Promise<void>;
  list(path: string): Promise<{ name: string; kind: "file" | "folder" | "link" | "other" }[]>;
};

/** Path of a name in an open folder, for one call that resolves that name alone. */
export function at(folder: FileHandle, name: string): string {
  return `/proc/self/fd/${folder.fd}/${name}`;
}

function segmentsOf(path: string): string[] {
  const checked = normalizePath(path);
  if (!checked.ok) throw new AgentError("invalid_input", `${JSON.stringify(path)} is refused: ${checked.why}.`);
  return checked.path === "." ? [] : checked.path.split("/");
}

/** The one form of a path that all names of it share. @throws AgentError invalid_input */
export function canonicalPath(path: string): string {
  return segmentsOf(path).join("/") || ".";
}

const reason = (name: "link" | "special_file") => ({ details: { reason: name } });

function explain(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new AgentError("not_found", `${path} does not exist.`);
  if (code === "ELOOP") {
    const message = `${path} is a symbolic link, or lies behind one; links are not followed.`;
    return new AgentError("invalid_input", message, reason("link"));
  }
  if (code === "ENOTDIR") {
    return new AgentError("invalid_input", `${path} lies behind a file or link, not a folder.`, reason("link"));
  }
  if (code === "EISDIR") return new AgentError("invalid_input", `${path} is a folder.`);
  if (code === "EACCES" || code === "EPERM") return new AgentError("invalid_input", `${path} is not readable.`);
  if (code === "ENAMETOOLONG") return new AgentError("invalid_input", "The path is too long.");
  if (code === "ENXIO") {
    return new AgentError("invalid_input", `${path} is not a regular file.`, reason("special_file"));
  }
  return error;
}

function notWrittenThrough(path: string, isFolder: boolean): AgentError {
  const what = isFolder ? "a folder" : "a link or special file";
  return new AgentError(
    "invalid_input",
    `${path} is ${what}; it is not written through.`,
    isFolder ? {} : reason("link"),
  );
}

/** Opens the folder of `segments`, step by step, following no link, and hands it to `work`. */
export async function inFolder<T>(
  root: string,
  segments: readonly string[],
  options: { createMode?: number | undefined },
  work: (folder: FileHandle) => Promise<T>,
): Promise<T> {
  let folder = await open(root, folderFlags);
  try {
    for (const segment of segments) {
      if (options.createMode !== undefined) {
        await mkdir(at(folder, segment), options.createMode).catch((error: NodeJS.ErrnoException) => {
          if (error.code !== "EEXIST") throw error;
        });
      }
      const next = await open(at(folder, segment), folderFlags);
      await folder.close();
      folder = next;
    }
    return await work(folder);
  } finally {
    await folder.close();
  }
}

async function withFile<T>(
  root: string,
  path: string,
  work: (file: FileHandle, size: number, mode: number) => Promise<T>,
) {
  const segments = segmentsOf(path);
  const name = segments.pop();
  if (name === undefined) throw new AgentError("invalid_input", "The path names the repository root, not a file.");
  try {
    return await inFolder(root, segments, {}, async (folder) => {
      const file = await open(at(folder, name), readFlags);
      try {
        const stats = await file.stat();
        if (stats.isDirectory()) throw new AgentError("invalid_input", `${path} is a folder; list it instead.`);
        if (!stats.isFile()) {
          throw new AgentError("invalid_input", `${path} is not a regular file.`, reason("special_file"));
        }
        return await work(file, stats.size, stats.mode);
      } finally {
        await file.close();
      }
    });
  } catch (error) {
    throw explain(error, path);
  }
}

async function readAt(file: FileHandle, position: number, bytes: number): Promise<Buffer> {
  const buffer = Buffer.alloc(bytes);
  let done = 0;
  while (done < bytes) {
    const { bytesRead } = await file.read(buffer, done, bytes - done, position + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

async function replaceFile(folder: FileHandle, name: string, data: string | Uint8Array, mode: number): Promise<void> {
  const temporary = at(folder, `.${randomUUID()}.tmp`);
  const file = await open(temporary, createFlags, mode);
  try {
    await file.writeFile(data);
    // The creation mask may have taken bits away.
    await file.chmod(mode);
  } catch (error) {
    await unlink(temporary);
    throw error;
  } finally {
    await file.close();
  }
  await rename(temporary, at(folder, name)).catch(async (error: unknown) => {
    await unlink(temporary);
    throw error;
  });
}

function kindOf(entry: { isFile(): boolean; isDirectory(): boolean; isSymbolicLink(): boolean }) {
  if (entry.isSymbolicLink()) return "link" as const;
  if (entry.isDirectory()) return "folder" as const;
  return entry.isFile() ? ("file" as const) : ("other" as const);
}

/** Access to the files below `root`. `root` itself is the platform's and is trusted. */
export function openWorkspaceFiles(root: string): WorkspaceFiles {
  async function parent<T>(
    path: string,
    createMode: number | undefined,
    work: (folder: FileHandle, name: string) => Promise<T>,
  ) {
    const segments = segmentsOf(path);
    const name = segments.pop();
    if (name === undefined) throw new AgentError("invalid_input", "The path names the repository root, not a file.");
    try {
      return await inFolder(root, segments, { createMode }, (folder) => work(folder, name));
    } catch (error) {
      throw explain(error, path);
    }
  }

  return {
    read: (path, maxBytes) =>
      withFile(root, path, async (file, size, mode) => {
        if (size > maxBytes) {
          throw new AgentError("limit_exceeded", `${path} has ${size} bytes; the limit is ${maxBytes}.`);
        }
        return { data: await readAt(file, 0, size), mode, size };
      }),
    readRange: (path, position, maxBytes) =>
      withFile(root, path, async (file, size, mode) => {
        const bytes = Math.max(0, Math.min(maxBytes, size - position));
        return { data: await readAt(file, position, bytes), mode, size };
      }),
    async kind(path) {
      if (segmentsOf(path).length === 0) return "folder";
      try {
        return await parent(path, undefined, async (folder, name) => kindOf(await lstat(at(folder, name))));
      } catch (error) {
        if (error instanceof AgentError && error.code === "not_found") return "missing";
        const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
        if (missing) return "missing";
        throw error;
      }
    },
    write: (path, data, options = {}) =>
      parent(path, options.folderMode ?? 0o755, async (folder, name) => {
        const present = await lstat(at(folder, name)).catch((error: NodeJS.ErrnoException) => {
          if (error.code === "ENOENT") return undefined;
          throw error;
        });
        if (present !== undefined && !present.isFile()) {
          throw notWrittenThrough(path, kindOf(present) === "folder");
        }
        await replaceFile(folder, name, data, options.mode ?? (present === undefined ? 0o644 : present.mode & 0o777));
      }),
    remove: (path) =>
      parent(path, undefined, async (folder, name) => {
        const stats = await lstat(at(folder, name));
        if (stats.isDirectory()) throw new AgentError("invalid_input", `${path} is a folder.`);
        await unlink(at(folder, name));
        await pruneEmptyFolders(root, posix.dirname(posix.join(...segmentsOf(path))));
      }),
    async list(path) {
      try {
        return await inFolder(root, segmentsOf(path), {}, async (folder) => {
          const entries = await readdir(`/proc/self/fd/${folder.fd}/.`, { withFileTypes: true });
          return entries.map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
        });
      } catch (error) {
        throw explain(error, path);
      }
    },
  };
}

/** Git keeps no empty folders, so neither does a removal. */
async function pruneEmptyFolders(root: string, path: string): Promise<void> {
  if (path === "." || path === "") return;
  const segments = path.split("/");
  const name = segments.pop() ?? "";
  const removed = await inFolder(root, segments, {}, (folder) => rmdir(at(folder, name))).then(
    () => true,
    () => false,
  );
  if (removed) await pruneEmptyFolders(root, dirname(path));
}
