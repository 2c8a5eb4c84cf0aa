/** Documents are short enough to read, lead to each other, and to places that exist. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { PACKAGE } from "../../../scripts/node/project.ts";

const MAX_README_LINES = 150;
const MAX_LINE = 160;

const pages = readdirSync(join(PACKAGE, "docs")).filter((name) => name.endsWith(".md"));
const documents = [
  "README.md",
  "CHANGELOG.md",
  "prefixes/README.md",
  "scripts/README.md",
  "src/README.md",
  "test/README.md",
  ...pages.map((name) => `docs/${name}`),
];
const read = (path: string): string => readFileSync(join(PACKAGE, path), "utf8");
/** Blocks and spans of code are no links. */
const prose = (path: string): string =>
  read(path)
    .replace(/^```[^]*?^```$/gm, "")
    .replace(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, " "));

/** Links and pictures of a document, without those to other hosts. */
const linksOf = (path: string): string[] =>
  [...prose(path).matchAll(/\]\(([^)\s]+)\)|<img src="([^"]+)"/g)]
    .map(([, link, picture]) => link ?? picture ?? "")
    .filter((target) => !/^[a-z]+:/.test(target));

/** The anchors of a document's headings, as GitHub makes them. */
function anchorsOf(path: string): Set<string> {
  const headings = read(path)
    .replace(/^```[^]*?^```$/gm, "")
    .matchAll(/^#{1,6} (.+)$/gm);
  const anchor = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
  return new Set([...headings].map(([, heading = ""]) => anchor(heading)));
}

describe.each(documents)("%s", (path) => {
  it("links only to files and headings that exist", () => {
    const broken = linksOf(path).filter((link) => {
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      if (!existsSync(join(PACKAGE, target))) return true;
      return anchor !== undefined && !anchorsOf(target).has(anchor);
    });
    expect(broken).toEqual([]);
  });
});

/** Documents of a user; the others name files of one folder by shorter paths. */
const guides = documents.filter(
  (path) => !["src/", "scripts/"].some((top) => path.startsWith(top)),
);

describe.each(guides)("%s", (path) => {
  it("names only files of the project that exist", () => {
    const named = read(path).matchAll(/`((?:bench|docs|scripts|src|test)\/[\w./-]+\.\w+)`/g);
    const missing = [...named].filter(([, file = ""]) => !existsSync(join(PACKAGE, file)));
    expect(missing.map(([, file]) => file)).toEqual([]);
  });
});

describe("README.md", () => {
  const lines = read("README.md").trimEnd().split("\n");

  it(`has at most ${MAX_README_LINES} lines of at most ${MAX_LINE} characters`, () => {
    expect(lines.length).toBeLessThanOrEqual(MAX_README_LINES);
    expect(lines.filter((line) => line.length > MAX_LINE)).toEqual([]);
  });

  it("leads to every page of docs", () => {
    const linked = new Set(linksOf("README.md").map((link) => link.split("#")[0]));
    expect(pages.filter((name) => !linked.has(`docs/${name}`))).toEqual([]);
  });
});
