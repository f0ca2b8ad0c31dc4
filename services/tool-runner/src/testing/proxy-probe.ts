// What a Python program of an attack speaks to the box's proxy with: its own bytes.

const helpers = `
import base64, ssl
from urllib.parse import unquote, urlsplit
proxy = urlsplit(os.environ["http_proxy"])
auth = "Proxy-Authorization: Basic " + base64.b64encode((unquote(proxy.username) + ":" + proxy.password).encode()).decode()
def dial(): return socket.create_connection((proxy.hostname, proxy.port), 20)
def say(sock, *lines): sock.sendall("\\r\\n".join([*lines, "", ""]).encode("latin1"))
def drain(sock):
  data = b""
  try:
    while part := sock.recv(65536): data += part
  except OSError: pass
  return data.decode("latin1")
def brief(text):
  head, _gap, body = text.partition("\\r\\n\\r\\n")
  code = head.split(" ")[1] if head.startswith("HTTP/") else "cut"
  return code + " " + body if code == "200" else code
def tunnel(authority):
  sock, head = dial(), b""
  say(sock, "CONNECT " + authority + " HTTP/1.1", "Host: " + authority, auth)
  while b"\\r\\n\\r\\n" not in head and (part := sock.recv(1)): head += part
  return brief(head.decode("latin1")).strip(), sock
def ask(url, *headers, method="GET", host="x.example.org"):
  sock = dial()
  say(sock, method + " " + url + " HTTP/1.1", "Host: " + host, auth, "Connection: close", *headers)
  return drain(sock)
`;

/** The script with the helpers; a `naivePort` leads it through the proxy that checks nothing. */
export function proxyProgram(script: string, naivePort: number | undefined): string {
  const naive = naivePort === undefined ? "" : `os.environ["http_proxy"] = "http://run:x@127.0.0.1:${naivePort}"\n`;
  return `${naive}${helpers}\n${script}`;
}
