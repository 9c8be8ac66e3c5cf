/**
 * The house rules that a machine can check, on the syntax tree where words alone would lie: the ranks of imports, the
 * length of files, calls that belong to one place, files that nobody uses, durability rules that no test names, and
 * traces of the machine that something was written on.
 *
 * An exception stands in a table here, with its reason, or it is none.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { expect, test } from "vitest";
import { directives } from "../src/server/config/directives.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** A file imports from folders of lower rank and from its own folder, never sideways or up. */
const RANKS: Readonly<Record<string, number>> = {
  base: 0,
  platform: 1,
  protocol: 1,
  disk: 2,
  memory: 2,
  structure: 3,
  dataset: 4,
  // DUMP and RESTORE are commands that need it.
  rdb: 4.5,
  command: 5,
  log: 5,
  snapshot: 5,
  manifest: 5,
  engine: 6,
  backup: 6,
  server: 7,
  cli: 8,
  "main.ts": 9,
  "index.ts": 9,
};

const LINES_MAX = 600;

/** What stands in one place only: the call or module, and the files (or folders) that are that place. */
const BANNED: readonly { readonly name: string; readonly allowed: Readonly<Record<string, string>> }[] = [
  { name: "Date.now", allowed: { "src/base/clock.ts": "the wall clock" } },
  { name: "new Date()", allowed: {} },
  { name: "performance.now", allowed: { "src/base/clock.ts": "the monotonic clock" } },
  { name: "process.hrtime", allowed: {} },
  { name: "Math.random", allowed: {} },
  { name: "console.log", allowed: {} },
  {
    name: "node:fs",
    allowed: {
      "src/disk/": "the Disk that data goes through",
      "src/cli/config_files.ts": "configuration is read before there is a Disk, and is no data",
      "src/cli/container_memory.ts": "the kernel's files about this process are no data",
      "src/cli/process_files.ts": "log lines for people and the pid file are no data",
    },
  },
  { name: "node:fs/promises", allowed: {} },
];

/** Files that no program reaches, because tests are what they are for. */
const FOR_TESTS: Readonly<Record<string, string>> = {
  "src/memory/barrier_check.ts": "proves that every write passes the barrier",
  "src/backup/memory_store.ts": "the store of tests",
  "src/disk/memory_disk.ts": "the disk of tests",
  "src/structure/tree_verify.ts": "proves that a tree is one",
  "src/disk/memory_file.ts": "the files on it",
};

/** Rules of the durability document that code cites and no test names yet. Empty is the aim. */
const RULES_WITHOUT_TEST: readonly string[] = [];

/** Files that git knows or would take, so that a new file is checked before it is committed. */
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root })
  .toString()
  .split("\n")
  .filter((file) => file !== "" && existsSync(join(root, file)));
const read = (file: string): string => readFileSync(join(root, file), "utf8");
const source = files.filter((file) => /^src\/.*\.ts$/.test(file));
const code = files.filter((file) => /^(src|test|bench|fuzz|scripts)\/.*\.ts$/.test(file));
const native = files.filter((file) => /^native\/.*\.(cc|h|mjs|sh)$/.test(file));

const trees = new Map<string, ts.SourceFile>();
function treeOf(file: string): ts.SourceFile {
  let tree = trees.get(file);
  if (tree === undefined) {
    tree = ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2023, true);
    trees.set(file, tree);
  }
  return tree;
}

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** Modules that a file imports, statically, lazily or as the file of a worker. */
function importsOf(file: string): string[] {
  const found: string[] = [];
  walk(treeOf(file), (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
      found.push((node.moduleSpecifier as ts.StringLiteral).text);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const argument = node.arguments[0];
      if (argument !== undefined && ts.isStringLiteralLike(argument)) found.push(argument.text);
    } else if (ts.isNewExpression(node) && node.expression.getText() === "URL") {
      const argument = node.arguments?.[0];
      if (argument !== undefined && ts.isStringLiteralLike(argument) && argument.text.endsWith(".ts")) {
        found.push(argument.text);
      }
    }
  });
  return found;
}

const place = (file: string, node: ts.Node): string => {
  const { line } = treeOf(file).getLineAndCharacterOfPosition(node.getStart());
  return `${file}:${line + 1}`;
};

test("imports point to lower ranks", () => {
  const wrong: string[] = [];
  for (const file of source) {
    const folder = file.split("/")[1]!;
    expect(RANKS[folder], `${file} lies in a folder that has no rank`).toBeDefined();
    for (const module of importsOf(file).filter((name) => name.startsWith("."))) {
      const target = resolve("/", dirname(file), module).slice(1);
      if (target === "package.json" && file === "src/base/version.ts") continue;
      const other = target.split("/")[1]!;
      if (!target.startsWith("src/")) wrong.push(`${file} imports ${target} from outside src`);
      else if (other !== folder && !(RANKS[other]! < RANKS[folder]!)) wrong.push(`${file} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("what stands in one place stands nowhere else", () => {
  const wrong: string[] = [];
  const used = (file: string, name: string, node: ts.Node): void => {
    const rule = BANNED.find((each) => each.name === name);
    if (rule === undefined || Object.keys(rule.allowed).some((allowed) => file.startsWith(allowed))) return;
    wrong.push(`${place(file, node)} uses ${name}`);
  };
  for (const file of source) {
    walk(treeOf(file), (node) => {
      if (ts.isPropertyAccessExpression(node)) used(file, `${node.expression.getText()}.${node.name.text}`, node);
      else if (ts.isNewExpression(node) && node.arguments?.length === 0)
        used(file, `new ${node.expression.getText()}()`, node);
      else if (ts.isImportDeclaration(node)) used(file, (node.moduleSpecifier as ts.StringLiteral).text, node);
    });
  }
  expect(wrong).toEqual([]);
});

test("no any, no silenced compiler, nothing left for later, no narrowed or silent test", () => {
  const wrong: string[] = [];
  const marks = new RegExp(
    `@ts-(${["ignore", "nocheck", "expect-error"].join("|")})|\\b(TO${"DO"}|FIX${"ME"}|XX${"X"})\\b`,
  );
  for (const file of [...code, ...native]) {
    for (const [index, line] of read(file).split("\n").entries()) {
      if (marks.test(line)) wrong.push(`${file}:${index + 1} ${line.trim()}`);
    }
  }
  for (const file of code) {
    walk(treeOf(file), (node) => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) wrong.push(`${place(file, node)} any`);
      const only = ts.isPropertyAccessExpression(node) && ["only", "todo", "skip"].includes(node.name.text);
      if (only && /^(test|it|describe|suite)$/.test(node.expression.getText()))
        wrong.push(`${place(file, node)} ${node.name.text}`);
    });
  }
  expect(wrong).toEqual([]);
});

test(`no file is longer than ${LINES_MAX} lines, and names are snake_case`, () => {
  const long = [...code, ...native].filter((file) => read(file).split("\n").length - 1 > LINES_MAX);
  expect(long).toEqual([]);
  expect(code.filter((file) => !/^[a-z0-9_]+(\.(test|long|smoke\.test|bench|d))?\.ts$/.test(basename(file)))).toEqual(
    [],
  );
});

test("every file says what it is: at its head, or above what it exists for", () => {
  const bare = code.filter((file) => {
    if (/^(#!.*\n)?(\/\*\*|\/\/)/.test(read(file))) return false;
    return !treeOf(file).statements.some((each) => ts.getLeadingCommentRanges(read(file), each.pos) !== undefined);
  });
  expect(bare).toEqual([]);
});

test("every source file is reached from main.ts or index.ts", () => {
  const reached = new Set<string>();
  const open = ["src/main.ts", "src/index.ts"];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (reached.has(file) || !existsSync(join(root, file))) continue;
    reached.add(file);
    for (const module of importsOf(file).filter((name) => name.startsWith(".") && name.endsWith(".ts"))) {
      open.push(resolve("/", dirname(file), module).slice(1));
    }
  }
  expect(source.filter((file) => !reached.has(file) && !(file in FOR_TESTS))).toEqual([]);
});

test("a directive that the table calls honoured is asked for by name outside the table", () => {
  const asked = new Set<string>();
  for (const file of source.filter((each) => !each.startsWith("src/server/config/"))) {
    walk(treeOf(file), (node) => {
      if (ts.isStringLiteralLike(node)) asked.add(node.text);
      // Two directives have a reader of their own kind of value.
      if (ts.isIdentifier(node) && node.text === "outputBufferLimits") asked.add("client-output-buffer-limit");
      if (ts.isIdentifier(node) && node.text === "savePoints") asked.add("save");
    });
  }
  const honoured = directives.filter(({ status }) => status === "honoured").map(({ name }) => name);
  expect(honoured.filter((name) => !asked.has(name))).toEqual([]);
});

test("every durability rule that code cites is named by a test", () => {
  const cited = (list: readonly string[]): Set<string> =>
    new Set(list.flatMap((file) => [...read(file).matchAll(/\bD(1[0-8]|[1-9])\b/g)].map((match) => match[0])));
  const inTests = cited(files.filter((file) => /^(test|fuzz)\/.*\.ts$/.test(file) && file !== "test/tidy.test.ts"));
  const missing = [...cited([...source, ...native])].filter((rule) => !inTests.has(rule));
  expect(missing.sort()).toEqual([...RULES_WITHOUT_TEST].sort());
});

test("no trace of one machine or one registry in any file", () => {
  const registry = process.env["npm_config_registry"];
  const hosts = ["registry.npm" + "js.org", "registry.yarn" + "pkg.com"];
  if (registry !== undefined && URL.canParse(registry)) hosts.push(new URL(registry).host);
  const paths = new RegExp(`(^|[\\s"'\`=(])/(${["work", "root", "Users", "home/[a-z]+"].join("|")})/`, "m");
  const wrong: string[] = [];
  for (const file of files.filter((name) => name !== "LICENSE")) {
    const text = read(file);
    if (hosts.some((host) => host !== "" && text.includes(host))) wrong.push(`${file} names a registry`);
    const match = paths.exec(text);
    if (match !== null) wrong.push(`${file} names a path of one machine: ${match[0].trim()}`);
  }
  expect(wrong).toEqual([]);
  expect(read("package-lock.json")).not.toContain('"resolved"');
});

interface LockedPackage {
  readonly version?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

test("package-lock.json names every optional package that a locked one asks for, else npm ci refuses it", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as { packages: Record<string, LockedPackage> };
  const names = new Set(Object.keys(packages).map((path) => path.split("node_modules/").at(-1)!));
  const missing = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
    Object.keys(optionalDependencies).filter((name) => !names.has(name)),
  );
  expect(missing).toEqual([]);
  expect(Object.values(packages).filter(({ version }) => version === undefined)).toEqual([]);
});
