/**
 * Starts a worker thread from one of our own files, as part of the built package and, for tests and development, from the sources.
 *
 * Node.js before 22.18 can't run TypeScript by itself, and a worker inherits no loader: there `tsx`, which is there wherever the sources
 * are, is loaded first.
 */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

/** `file` is the URL of a module, `.ts` or `.mjs`; `data` is what it finds in `workerData`. */
export function startWorker(file: URL, data: unknown): Worker {
  const options = { workerData: data, stdout: false, stderr: false };
  const features = process.features as { readonly typescript?: unknown };
  if (!file.pathname.endsWith(".ts") || features.typescript) return new Worker(file, options);
  const require = createRequire(import.meta.url);
  const loader = pathToFileURL(require.resolve("tsx/package.json"));
  const register = new URL("dist/esm/api/index.mjs", loader).href;
  const source = `import(${JSON.stringify(register)}).then(({ register }) => {
    register();
    return import(${JSON.stringify(file.href)});
  });`;
  return new Worker(source, { ...options, eval: true });
}
