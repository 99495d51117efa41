// Bundles what the daemon serves into dist/, under stable names and byte for byte the same from the same sources.
//
//   node build.mjs             dist/: sdk/tenfour.js, sdk/react.js, sdk/record.js, sdk/element.js, demo/*, admin/*
//   node build.mjs --check     fails if dist/ is not what the sources give
//   node build.mjs --packages  dist/ of each npm package: modules and declarations

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minifySync } from "vite";

const root = dirname(fileURLToPath(import.meta.url));
const ASSETS = /\.(html|css|svg|png|ico|woff2|webmanifest)$/;

const shared = {
  absWorkingDir: root,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  legalComments: "none",
  // Fields that only a constructor sets are not declared a second time.
  tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
  conditions: ["tenfour-source"],
  // Private fields of the SDK's own classes; none of these names is part of an interface.
  mangleProps: /^_[a-z]/,
  logLevel: "warning",
  write: false,
};

/** Lets a bundle load the SDK that the daemon serves instead of holding a second copy of it. */
const sdkAt = (folder) => ({
  name: "sdk",
  setup(it) {
    it.onResolve({ filter: /^@tenfour\/client(\/indexeddb)?$/ }, () => ({ path: `${folder}/tenfour.js`, external: true }));
    it.onResolve({ filter: /^@tenfour\/client\/record$/ }, () => ({ path: `${folder}/record.js`, external: true }));
  },
});

/** Takes the blanks out of style sheets that stand in a module as text: the bundler sees no more than a string in them. */
const smallStyles = {
  name: "styles",
  setup(it) {
    it.onLoad({ filter: /[\\/]styles(-\w+)?\.ts$/ }, async ({ path }) => {
      let contents = readFileSync(path, "utf8");
      for (const [text, css] of contents.matchAll(/`\n([^`]+)`/g)) {
        const { code } = await transform(css, { loader: "css", minify: true, charset: "utf8" });
        contents = contents.replace(text, () => JSON.stringify(code.trim()));
      }
      return { contents, loader: "ts" };
    });
  },
};

async function bundle(entry, options = {}) {
  const { outputFiles } = await build({ ...shared, entryPoints: [entry], ...options });
  return outputFiles[0].contents;
}

/** The same for what every page loads, where each byte counts: a second minifier finds some that the first has left. */
async function small(entry, options) {
  const { code, errors } = minifySync(entry, new TextDecoder().decode(await bundle(entry, options)), { module: true, compress: { target: "es2022" } });
  if (errors.length > 0) throw new Error(`${entry}: ${errors.map(({ message }) => message).join(", ")}`);
  return new TextEncoder().encode(code);
}

/** The files of a page: its assets, style sheets with what they import, and its main.ts as main.js, or app.ts as app.js. */
async function page(name) {
  const files = new Map();
  for (const dir of [name, join(name, "src")]) {
    for (const file of readdirSync(join(root, dir)).sort()) {
      const path = join(dir, file);
      if (ASSETS.test(file)) {
        const content = file.endsWith(".css") ? await bundle(path) : readFileSync(join(root, path));
        files.set(`${name}/${file}`, content);
      }
      const entry = /^(main|app)\.ts$/.exec(file)?.[1];
      if (entry) files.set(`${name}/${entry}.js`, await bundle(path, { plugins: [sdkAt("/sdk")] }));
    }
  }
  return files;
}

async function everything() {
  const files = new Map();
  files.set("sdk/tenfour.js", await small("js/src/bundle.ts"));
  files.set("sdk/react.js", await small("js/src/react.ts", { external: ["react"], plugins: [sdkAt(".")] }));
  files.set("sdk/record.js", await small("js/src/record.ts", { plugins: [sdkAt(".")] }));
  files.set("sdk/element.js", await small("element/src/index.ts", { plugins: [sdkAt("."), smallStyles] }));
  for (const name of ["demo", "admin"]) for (const [path, content] of await page(name)) files.set(path, content);
  return files;
}

function listed(dir) {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath ?? entry.path, entry.name)))
    .sort();
}

function check(files) {
  const dist = join(root, "dist");
  const wrong = [...files].filter(([path, content]) => {
    const there = join(dist, path);
    return !existsSync(there) || !readFileSync(there).equals(Buffer.from(content));
  });
  const names = [...wrong.map(([path]) => path), ...listed(dist).filter((path) => !files.has(path))];
  if (names.length > 0) throw new Error(`dist/ is not what the sources give; run npm run build: ${names.join(", ")}`);
}

function write(files) {
  const dist = join(root, "dist");
  rmSync(dist, { recursive: true, force: true });
  for (const [path, content] of files) {
    mkdirSync(dirname(join(dist, path)), { recursive: true });
    writeFileSync(join(dist, path), content);
    console.log(`${path}  ${content.length} bytes, ${gzipSync(content, { level: 9 }).length} gzipped`);
  }
}

async function packages() {
  for (const name of ["js", "server", "element"]) {
    const src = join(root, name, "src");
    const exports = JSON.parse(readFileSync(join(root, name, "package.json"), "utf8")).exports;
    const entries = Object.values(exports).map((entry) => join(root, name, entry["tenfour-source"]));
    const outdir = join(root, name, "dist");
    rmSync(outdir, { recursive: true, force: true });
    await build({
      ...shared,
      entryPoints: entries,
      outdir,
      minify: false,
      splitting: true,
      packages: "external",
      write: true,
    });
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const only = ["--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--rootDir", src, "--outDir", outdir];
    execFileSync(process.execPath, [tsc, "-p", join(root, name), ...only], { stdio: "inherit" });
    // A declaration names the declaration of its neighbour.
    for (const file of listed(outdir).filter((path) => path.endsWith(".d.ts"))) {
      const text = readFileSync(join(outdir, file), "utf8");
      writeFileSync(join(outdir, file), text.replace(/(from "\.\/[\w.-]+)\.ts"/g, '$1.js"'));
    }
  }
}

const mode = process.argv[2];
if (mode === "--packages") await packages();
else if (mode === "--check") check(await everything());
else write(await everything());
