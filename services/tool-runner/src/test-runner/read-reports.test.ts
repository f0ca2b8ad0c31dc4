import { describe, expect, it } from "vitest";

import { openWorkspaceFiles } from "../files/workspace-files.ts";
import { makeTempDir } from "../testing/temp-dir.ts";
import { junitXml } from "./junit-xml.ts";
import { freshReports, readReports } from "./read-reports.ts";

describe("the reports of a run", () => {
  it("are those that it wrote, and no others", async () => {
    const dir = makeTempDir();
    try {
      const files = openWorkspaceFiles(dir.path);
      await files.write("target/surefire-reports/TEST-a.xml", "<old/>");
      await files.write("target/surefire-reports/TEST-b.xml", "<kept/>");
      await files.write("target/surefire-reports/a.txt", "no report");
      const folders = ["target/surefire-reports", "core/target/surefire-reports"];
      const before = await readReports(files, folders);
      expect([...before.values()].sort()).toEqual(["<kept/>", "<old/>"]);
      await files.write("target/surefire-reports/TEST-a.xml", "<new/>");
      await files.write("core/target/surefire-reports/TEST-c.xml", "<more/>");
      expect(freshReports(before, await readReports(files, folders)).sort()).toEqual(["<more/>", "<new/>"]);
    } finally {
      dir.remove();
    }
  });
});

describe("JUnit XML", () => {
  it("is unknown without a report, and broken off when one is cut", () => {
    expect(junitXml([])).toBeUndefined();
    expect(junitXml(['<testsuite name="a"><testcase name="x"/>'])).toEqual({
      passed: 0,
      failed: 0,
      skipped: 0,
      failures: [],
      isBrokenOff: true,
    });
  });

  it("is read with suites in suites, failures without a message, and entities", () => {
    const xml = `<?xml version="1.0"?><testsuites><testsuite name="outer"><testsuite name="inner">
      <testcase name="one"/><testcase name="two &lt;b&gt;" classname="p.T"><failure>java.lang.AssertionError: no
\tat q.Assert.fail(Assert.java:9)
\tat app//p.T$Inner.two(T.java:12)</failure></testcase>
      <testcase name="three"><skipped/></testcase></testsuite></testsuite></testsuites>`;
    expect(junitXml([xml])).toEqual({
      passed: 1,
      failed: 1,
      skipped: 1,
      failures: [{ name: "p.T.two <b>", message: "java.lang.AssertionError: no", at: "p/T.java:12" }],
    });
  });
});
