import { expect, test } from "vitest";

import type { Grammar } from "../tree/languages.ts";
import { parseSymbols } from "./parse-symbols.ts";
import { qualifiedName } from "./symbol.ts";

const samples: readonly [Grammar, string, string[]][] = [
  [
    "javascript",
    "const a = 1;\nexport const b = () => 1;\nfunction c(x) {}\nclass D { m() { function inner() {} } }\nres.send = function (body) {};\nconst o = { helper() {} };",
    [
      "constant a",
      "function b",
      "function c",
      "class D",
      "method D.m",
      "function m.inner",
      "function send",
      "constant o",
      "method o.helper",
    ],
  ],
  [
    "typescript",
    "export interface A { x: number }\nexport type B = string;\nenum C { X }\nabstract class D { abstract foo(): void; bar = () => 1; async baz(): Promise<void> {} }\nnamespace N { export function z() {} }",
    [
      "type A",
      "type B",
      "type C",
      "class D",
      "method D.foo",
      "method D.bar",
      "method D.baz",
      "module N",
      "function N.z",
    ],
  ],
  ["tsx", "export function App() { return <div /> }", ["function App"]],
  [
    "python",
    "X = 1\ndef f(a):\n  pass\n@dec\ndef h(): pass\nclass C(B):\n  @property\n  def m(self): pass\n  def n(self):\n    pass\n",
    ["variable X", "function f", "function h", "class C", "method C.m", "method C.n"],
  ],
  [
    "go",
    "package p\nconst A = 1\nvar B = 2\ntype S struct { x int }\ntype I interface { F() }\nfunc (s *S) M(a int) error { return nil }\nfunc F[T any](x T) {}\nfunc (l List[T]) P() {}\n",
    ["constant A", "variable B", "class S", "type I", "method S.M", "function F", "method List.P"],
  ],
  [
    "rust",
    "pub struct S;\nimpl S { pub fn new() -> Self { S } }\nimpl<T> Tr for G<T> { fn t(&self) {} }\ntrait Tr { fn d(&self) {} }\nmod m { fn x() {} }\nmacro_rules! mm { () => {} }\n",
    ["class S", "method S.new", "method G.t", "type Tr", "method Tr.d", "module m", "function m.x", "function mm"],
  ],
  [
    "java",
    "package a;\npublic class A<T> {\n  private int x = 1;\n  void m(int a) {}\n  interface I { void q(); }\n}\nrecord R(int a) {}\n",
    ["class A", "variable A.x", "method A.m", "type A.I", "method I.q", "class R"],
  ],
  [
    "cpp",
    "#define MAXX 3\nnamespace n { class A { public: void m(); }; }\nvoid A::w() {}\nint *f(int a) { return 0; }\ntypedef struct { int x; } T;\nstruct s { int y; };\n",
    ["constant MAXX", "module n", "class n.A", "method A.m", "method A.w", "function f", "type T", "class s"],
  ],
  [
    "c-sharp",
    "namespace N {\n  public class A { public int X { get; set; } void M(int a) { } }\n  interface I {}\n}\n",
    ["class N.A", "variable A.X", "method A.M", "type N.I"],
  ],
  [
    "ruby",
    "module M\n  class A < B\n    def m(a); end\n    def self.s; end\n  end\nend\n",
    ["module M", "class M.A", "method A.m", "method A.s"],
  ],
  [
    "php",
    "<?php\nclass C extends D {\n  public function m($a) {}\n}\ninterface I {}\nfunction f() {}\n",
    ["class C", "method C.m", "type I", "function f"],
  ],
  ["bash", "build() { :; }\n", ["function build"]],
];

test.each(samples)("definitions of %s", async (grammar, text, expected) => {
  const symbols = await parseSymbols(grammar, text);
  expect(symbols?.map((symbol) => `${symbol.kind} ${qualifiedName(symbol)}`)).toEqual(expected);
});

test("a signature reaches to the end of its parentheses", async () => {
  const symbols = await parseSymbols(
    "typescript",
    "export function long(\n  first: string,\n  second: number,\n): void {\n}\n",
  );
  expect(symbols?.[0]).toMatchObject({
    line: 1,
    endLine: 5,
    signature: "function long( first: string, second: number, ): void",
  });
});

test("broken source still gives what can be read", async () => {
  const symbols = await parseSymbols("typescript", "function whole() {}\nfunction broken( {{{\n");
  expect(symbols?.map(({ name }) => name)).toContain("whole");
});
