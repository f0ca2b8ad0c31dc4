// The small projects of which test outputs are recorded: per runner, the files of each outcome.
// Every project has a test that passes first, but for the one without tests.

export type Outcome = "pass" | "fail" | "crash" | "timeout" | "no-tests";
export const outcomes: readonly Outcome[] = ["pass", "fail", "crash", "timeout", "no-tests"];

export type Project = {
  /** Folder of the fixtures. */
  runner: string;
  /** Files of every outcome. */
  base: Record<string, string>;
  /** Files of one outcome beside them. */
  files: Record<Outcome, Record<string, string>>;
  /** Run once, with network, before the recording. */
  prepare?: string[];
  /** Says which version ran, on the first line that `says` finds. */
  version: string[];
  says: RegExp;
  /** The command, as the platform runs it. */
  argv: string[];
  /** Folders in which the runner leaves JUnit XML. */
  reports?: string[];
};

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** One test file per outcome, from the statements of its tests. */
function javaScript(head: string, path: string): Project["files"] {
  const file = (...tests: string[]) => ({ [path]: `${head}${tests.join("")}` });
  const test = (name: string, body: string) => `test("${name}", async () => {\n  ${body}\n});\n`;
  const adds = test("adds", "assert.strictEqual(1 + 1, 2);");
  const group = `describe("group", () => {\n${test("subtracts", "assert.strictEqual(3 - 1, 2);")}});\n`;
  return {
    pass: file(adds, group, `test.skip("later", () => {});\n`),
    fail: file(
      adds,
      group,
      test("multiplies", "assert.strictEqual(2 * 2, 5);"),
      test("throws", 'throw new Error("boom");'),
    ),
    crash: file(adds, test("aborts", "process.abort();"), test("never", "assert.ok(true);")),
    timeout: file(adds, test("hangs", "for (;;);")),
    "no-tests": { "src/index.js": "module.exports = 1;\n" },
  };
}

const assertHead = 'const assert = require("node:assert");\n';
const nodeHead = `${assertHead}const { describe, test } = require("node:test");\n`;
const vitestHead = 'import assert from "node:assert";\nimport { describe, test } from "vitest";\n';
const mochaHead = `${assertHead}const test = it;\n`;

const bin = (name: string) => `node_modules/.bin/${name}`;
const install = ["npm", "install", "--no-audit", "--no-fund", "--silent"];

const javaScriptProjects: Project[] = [
  {
    runner: "vitest",
    base: {
      "package.json": json({
        type: "module",
        scripts: { test: "vitest" },
        devDependencies: { vitest: "5.1.1", vite: "8.3.8" },
      }),
    },
    files: javaScript(vitestHead, "test/sum.test.js"),
    prepare: install,
    version: [bin("vitest"), "--version"],
    says: /^vitest/u,
    argv: [bin("vitest"), "run", "--reporter=tap-flat"],
  },
  {
    runner: "jest",
    base: { "package.json": json({ scripts: { test: "jest" }, devDependencies: { jest: "30.5.2" } }) },
    files: javaScript(assertHead, "test/sum.test.js"),
    prepare: install,
    version: [bin("jest"), "--version"],
    says: /^\d/u,
    argv: [bin("jest"), "--json", "--testLocationInResults"],
  },
  {
    runner: "mocha",
    base: { "package.json": json({ scripts: { test: "mocha" }, devDependencies: { mocha: "12.0.3" } }) },
    files: javaScript(mochaHead, "test/sum.test.js"),
    prepare: install,
    version: [bin("mocha"), "--version"],
    says: /^\d/u,
    argv: [bin("mocha"), "--reporter", "json"],
  },
  {
    runner: "node-test",
    base: { "package.json": json({ scripts: { test: "node --test" } }) },
    files: javaScript(nodeHead, "test/sum.test.js"),
    version: ["node", "--version"],
    says: /^v/u,
    argv: ["node", "--test-reporter=tap", "--test"],
  },
];

const pytestFile = (tests: string) => ({ "test_sum.py": `import os\nimport pytest\n\n\n${tests}` });
const pyAdds = "def test_adds():\n    assert 1 + 1 == 2\n\n\n";
const unitFile = (tests: string) => ({
  "test_sum.py": `import os\nimport unittest\n\n\nclass TestSum(unittest.TestCase):\n${tests}`,
});
const unitAdds = "    def test_adds(self):\n        self.assertEqual(1 + 1, 2)\n\n";

const pythonProjects: Project[] = [
  {
    runner: "pytest",
    base: { "pyproject.toml": "[tool.pytest.ini_options]\n" },
    files: {
      pass: pytestFile(`${pyAdds}@pytest.mark.skip(reason="later")\ndef test_later():\n    pass\n`),
      fail: pytestFile(
        `${pyAdds}def test_multiplies():\n    assert 2 * 2 == 5, "four"\n\n\ndef test_throws():\n    raise ValueError("boom")\n`,
      ),
      crash: pytestFile(`${pyAdds}def test_aborts():\n    os.abort()\n`),
      timeout: pytestFile(`${pyAdds}def test_hangs():\n    while True:\n        pass\n`),
      "no-tests": { "test_empty.py": "" },
    },
    version: ["python3", "-m", "pytest", "--version"],
    says: /^pytest/u,
    argv: ["python3", "-m", "pytest", "-q", "-rfE", "--tb=short", "--color=no", "-p", "no:cacheprovider"],
  },
  {
    runner: "unittest",
    base: {},
    files: {
      pass: unitFile(`${unitAdds}    @unittest.skip("later")\n    def test_later(self):\n        pass\n`),
      fail: unitFile(
        `${unitAdds}    def test_multiplies(self):\n        self.assertEqual(2 * 2, 5)\n\n    def test_throws(self):\n        raise ValueError("boom")\n`,
      ),
      crash: unitFile(`${unitAdds}    def test_aborts(self):\n        os.abort()\n`),
      timeout: unitFile(`${unitAdds}    def test_hangs(self):\n        while True:\n            pass\n`),
      "no-tests": { "test_empty.py": "import unittest\n" },
    },
    version: ["python3", "--version"],
    says: /^Python/u,
    argv: ["python3", "-m", "unittest", "discover"],
  },
];

const goFile = (tests: string, imports = "") => ({
  "sum_test.go": `package sum\n\nimport (\n\t"testing"\n${imports})\n\n${tests}`,
});
const goAdds = 'func TestAdds(t *testing.T) {\n\tif 1+1 != 2 {\n\t\tt.Fatal("no")\n\t}\n}\n\n';
const rustFile = (tests: string) => ({
  "src/lib.rs": `pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n\n#[cfg(test)]\nmod tests {\n${tests}}\n`,
});
const rustTest = (name: string, body: string, mark = "") =>
  `    #[test]\n${mark}    fn ${name}() {\n        ${body}\n    }\n`;
const rustAdds = rustTest("adds", "assert_eq!(super::add(1, 1), 2);");

const compiledProjects: Project[] = [
  {
    runner: "go-test",
    base: { "go.mod": "module example.test/sum\n\ngo 1.22\n", "sum.go": "package sum\n" },
    files: {
      pass: goFile(`${goAdds}func TestLater(t *testing.T) {\n\tt.Skip("later")\n}\n`),
      fail: goFile(
        `${goAdds}func TestTable(t *testing.T) {\n\tt.Run("inner", func(t *testing.T) {\n\t\tt.Errorf("got %d, want %d", 4, 5)\n\t})\n}\n`,
      ),
      crash: goFile(`${goAdds}func TestExits(t *testing.T) {\n\tos.Exit(3)\n}\n`, '\t"os"\n'),
      timeout: goFile(`${goAdds}func TestHangs(t *testing.T) {\n\tfor {\n\t}\n}\n`),
      "no-tests": {},
    },
    version: ["go", "version"],
    says: /^go version/u,
    argv: ["go", "test", "-json", "./..."],
  },
  {
    runner: "cargo-test",
    base: { "Cargo.toml": '[package]\nname = "sum"\nversion = "0.1.0"\nedition = "2021"\n' },
    files: {
      pass: rustFile(rustAdds + rustTest("later", "", "    #[ignore]\n")),
      fail: rustFile(
        rustAdds + rustTest("multiplies", 'assert_eq!(2 * 2, 5, "four");') + rustTest("throws", 'panic!("boom");'),
      ),
      crash: rustFile(
        rustAdds +
          rustTest("aborts", "std::thread::sleep(std::time::Duration::from_millis(300)); std::process::abort();"),
      ),
      timeout: rustFile(rustAdds + rustTest("hangs", "loop { std::thread::yield_now(); }")),
      "no-tests": { "src/lib.rs": "pub fn add(a: i32, b: i32) -> i32 {\n    a + b\n}\n" },
    },
    prepare: ["cargo", "generate-lockfile", "--offline"],
    version: ["cargo", "--version"],
    says: /^cargo/u,
    argv: ["cargo", "test", "--offline", "--no-fail-fast"],
  },
];

const javaTest = (imports: string, order: string) => (tests: string) => ({
  "src/test/java/sum/SumTest.java": `package sum;\n\n${imports}\n${order}public class SumTest {\n${tests}}\n`,
});
const method = (name: string, body: string, mark = "") =>
  `    ${mark}@Test\n    public void ${name}() {\n        ${body}\n    }\n\n`;

function java(file: (tests: string) => Record<string, string>, skip: string): Project["files"] {
  const adds = method("aAdds", "assertEquals(2, 1 + 1);");
  return {
    pass: file(adds + method("later", "", `${skip}\n    `)),
    fail: file(
      adds +
        method("multiplies", "assertEquals(5, 2 * 2);") +
        method("throwing", 'throw new IllegalStateException("boom");'),
    ),
    crash: file(adds + method("bExits", "System.exit(3);")),
    timeout: file(adds + method("bHangs", "for (;;) { Thread.onSpinWait(); }")),
    "no-tests": { "src/main/java/sum/Sum.java": "package sum;\n\npublic class Sum {}\n" },
  };
}

const jupiter = javaTest(
  "import static org.junit.jupiter.api.Assertions.assertEquals;\n\nimport org.junit.jupiter.api.*;\n",
  "@TestMethodOrder(MethodOrderer.MethodName.class)\n",
);
const junit4 = javaTest(
  "import static org.junit.Assert.assertEquals;\n\nimport org.junit.*;\nimport org.junit.runners.MethodSorters;\n",
  "@FixMethodOrder(MethodSorters.NAME_ASCENDING)\n",
);

const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>example</groupId>
  <artifactId>sum</artifactId>
  <version>1</version>
  <properties>
    <maven.compiler.source>17</maven.compiler.source>
    <maven.compiler.target>17</maven.compiler.target>
    <project.build.sourceEncoding>UTF-8</project.build.sourceEncoding>
  </properties>
  <dependencies>
    <dependency>
      <groupId>org.junit.jupiter</groupId>
      <artifactId>junit-jupiter</artifactId>
      <version>5.14.4</version>
      <scope>test</scope>
    </dependency>
  </dependencies>
  <build>
    <plugins>
      <plugin>
        <artifactId>maven-surefire-plugin</artifactId>
        <version>3.5.6</version>
      </plugin>
    </plugins>
  </build>
</project>
`;

const gradleBuild = `apply plugin: 'java'

repositories { mavenCentral() }
dependencies { testCompile 'junit:junit:4.13.2' }
`;

const javaProjects: Project[] = [
  {
    runner: "maven",
    base: { "pom.xml": pom },
    files: java(jupiter, "@Disabled"),
    prepare: ["mvn", "-B", "-q", "test"],
    version: ["mvn", "--version"],
    says: /^Apache Maven [\d.]+/u,
    argv: ["mvn", "-o", "-B", "test"],
    reports: ["target/surefire-reports"],
  },
  {
    runner: "gradle",
    base: { "build.gradle": gradleBuild, "settings.gradle": "rootProject.name = 'sum'\n" },
    files: java(junit4, "@Ignore"),
    prepare: ["gradle", "--no-daemon", "-q", "test"],
    version: ["gradle", "--version"],
    says: /^Gradle/u,
    argv: ["gradle", "--offline", "--no-daemon", "--continue", "cleanTest", "test"],
    reports: ["build/test-results/test"],
  },
];

export const projects: readonly Project[] = [
  ...javaScriptProjects,
  ...pythonProjects,
  ...compiledProjects,
  ...javaProjects,
];
