// Small repositories in several languages for the tests of this folder.

export const pythonFiles: Readonly<Record<string, string>> = {
  "pyproject.toml": "[project]\nname = 'mail'\n[tool.pytest.ini_options]\n",
  "README.md": "# mail\n\nSends messages through a queue.\n",
  "mail/__init__.py": "from .queue import MessageQueue\n",
  "mail/queue.py":
    "class MessageQueue:\n    def push(self, message):\n        self.items.append(message)\n\n    def drain(self, limit):\n        return self.items[:limit]\n",
  "mail/address.py": "def parse_address(text):\n    name, _, host = text.partition('@')\n    return name, host\n",
  "mail/render.py":
    "from .address import parse_address\n\n\ndef render_header(sender):\n    return 'From: ' + '@'.join(parse_address(sender))\n",
  "tests/test_queue.py": "def test_drain_limit():\n    assert True\n",
  "tests/test_address.py":
    "from mail.address import parse_address\n\n\ndef test_parse_address():\n    assert parse_address('a@b')\n",
};

export const goFiles: Readonly<Record<string, string>> = {
  "go.mod": "module example.org/fleet\n\nrequire github.com/acme/wheel v1.2.0\n",
  "go.sum": "github.com/acme/wheel v1.2.0 h1:x\n",
  "truck.go":
    'package fleet\n\nimport "github.com/acme/wheel"\n\ntype Truck struct{ wheels []wheel.Wheel }\n\n// Load adds cargo.\nfunc (t *Truck) Load(kilos int) error { return nil }\n',
  "route/planner.go": "package route\n\nfunc ShortestPath(from, to string) []string { return nil }\n",
  "truck_test.go": "package fleet\n\nfunc TestLoad(t *testing.T) {}\n",
};

export const rustFiles: Readonly<Record<string, string>> = {
  "Cargo.toml": "[package]\nname = 'grep'\n",
  "src/main.rs": 'mod matcher;\nfn main() { matcher::find_match("a"); }\n',
  "src/matcher.rs":
    "pub struct Matcher;\nimpl Matcher {\n    pub fn ignore_case(&mut self) {}\n}\npub fn find_match(pattern: &str) {}\n",
  "tests/matching.rs": "#[test]\nfn ignore_case_matches() {}\n",
};

/** Names that a plan must not carry, and names that look like globs. */
export const awkwardFiles: Readonly<Record<string, string>> = {
  "app/[id]/page.ts": "export function renderInvoice() { return 'invoice page' }\n",
  "app/i/page.ts": "export function otherInvoice() { return 'invoice' }\n",
  "app/in\nvoice.ts": "export function brokenInvoice() { return 'invoice invoice invoice' }\n",
  "app/\u202einvoice.ts": "export function reversedInvoice() { return 'invoice invoice' }\n",
};
