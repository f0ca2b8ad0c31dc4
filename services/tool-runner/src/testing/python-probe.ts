// Python programs that try things and tell what each attempt gave.

const prelude = `
import ctypes, errno, fcntl, json, os, signal, socket, stat, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
found = {}
def attempt(work):
  try:
    work()
    return "ok"
  except OSError as e:
    return errno.errorcode.get(e.errno, str(e.errno))
def syscall(*words):
  ctypes.set_errno(0)
  value = libc.syscall(*(ctypes.c_long(word) for word in words))
  return "ok" if value >= 0 else errno.errorcode.get(ctypes.get_errno(), "?")
def open_for_writing(path):
  return attempt(lambda: os.close(os.open(path, os.O_WRONLY)))
def read(path):
  try:
    with open(path, errors="replace") as file: return file.read()
  except OSError as e:
    return errno.errorcode.get(e.errno, "?")
def tell():
  print("\\n::" + json.dumps(found), flush=True)
`;

/** The whole program: helpers, the script, and the telling of `found` at its end. */
export function pythonProgram(script: string): string {
  return `${prelude}\n${script}\ntell()\n`;
}
