import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname } from "node:path";

/** A file of the page as it is sent. */
interface PageFile {
  readonly bytes: Buffer;
  readonly headers: Readonly<Record<string, string>> & { readonly etag: string };
}

const folder = new URL("files/", import.meta.url);
const { resolve } = createRequire(import.meta.url);

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Nothing but what this origin serves as a file: what strangers put into keys can't run. */
const contentSecurityPolicy = [
  "default-src 'none'",
  ...["script-src", "style-src", "connect-src", "img-src"].map((directive) => `${directive} 'self'`),
  ...["base-uri", "form-action", "frame-ancestors"].map((directive) => `${directive} 'none'`),
].join("; ");

/** The page's files, read once: those beside this module, and the chart library's two. */
export class PageFiles {
  readonly #files = new Map<string, PageFile>();

  constructor() {
    for (const name of readdirSync(folder))
      if (extname(name) in types) this.#add(name, readFileSync(new URL(name, folder)));
    this.#add("uplot.css", readFileSync(resolve("uplot/dist/uPlot.min.css")));
    // The package's only minified form is a script that sets a global: this makes a module of it.
    const script = readFileSync(resolve("uplot/dist/uPlot.iife.min.js"), "utf8");
    this.#add("uplot.js", Buffer.from(`${script}\nexport default uPlot;\n`));
  }

  get(name: string): PageFile | undefined {
    return this.#files.get(name);
  }

  #add(name: string, bytes: Buffer): void {
    this.#files.set(name, {
      bytes,
      headers: {
        "content-type": types[extname(name)] ?? "application/octet-stream",
        // Asked again each time and answered in a line: a new version shows at once.
        "cache-control": "no-cache",
        etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
        "content-security-policy": contentSecurityPolicy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
      },
    });
  }
}
