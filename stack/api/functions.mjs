// Edge functions: `/functions/v1/<name>` is answered by supabase/functions/<name>/index.ts, run by
// Deno in a process of its own, as the hosted gateway runs each in its own isolate. A process starts
// with the first call, starts again after its code changed or it died, and ends with this server.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseEnv } from "node:util";

const PREFIX = "/functions/v1/";
const MAIN = fileURLToPath(new URL("functions_main.ts", import.meta.url));
const DENO = fileURLToPath(new URL("../node_modules/.bin/deno", import.meta.url));
const START_MS = 60_000;

// What the hosted gateway adds for browsers; a function sets the rest itself.
const notFound = () =>
  Response.json(
    { code: "NOT_FOUND", message: "Requested function was not found" },
    { status: 404 },
  );

/** The functions of a folder. `environment` is what hosted sets; `envFile` holds the secrets. */
export function edgeFunctions({ folder, envFile, environment }) {
  const running = new Map();

  function secrets() {
    return envFile && existsSync(envFile) ? parseEnv(readFileSync(envFile, "utf8")) : {};
  }

  async function started(name) {
    const version = newestChange(folder, envFile);
    const current = running.get(name);
    if (current?.version === version && lives(current.process)) return current;
    current?.process.kill();
    const one = start(name, version);
    running.set(name, one);
    return one;
  }

  function start(name, version) {
    const port = freePort();
    const one = { version, port, process: null, ready: null };
    one.ready = port.then(async (number) => {
      await answers(number, one.process);
      return number;
    });
    one.process = spawn(
      DENO,
      ["run", "--quiet", "--no-prompt", "--allow-net", "--allow-env", "--allow-read", ...config(name), MAIN],
      {
        cwd: join(folder, name),
        env: {
          ...inherited(),
          ...environment,
          ...secrets(),
          MEDLEY_FUNCTION: join(folder, name, "index.ts"),
        },
        // Its standard input ends with this server, however that ends; functions_main.ts waits for that.
        stdio: ["pipe", "inherit", "inherit"],
      },
    );
    one.process.stdin.on("error", () => {});
    port.then((number) => one.process.stdin.write(`${number}\n`));
    return one;
  }

  function config(name) {
    const own = join(folder, name, "deno.json");
    return existsSync(own) ? ["--config", own] : ["--no-config"];
  }

  return {
    serves: (request) => folder !== undefined && new URL(request.url).pathname.startsWith(PREFIX),

    async fetch(request) {
      const url = new URL(request.url);
      const path = url.pathname.slice(PREFIX.length);
      const name = path.split("/")[0];
      if (!/^[a-z0-9][a-z0-9_-]*$/i.test(name) || !existsSync(join(folder, name, "index.ts"))) {
        return notFound();
      }
      let port;
      try {
        port = await (await started(name)).ready;
      } catch (error) {
        console.error(error);
        return Response.json({ code: "BOOT_ERROR", message: "Function failed to start" }, { status: 503 });
      }
      const headers = new Headers(request.headers);
      headers.delete("connection");
      try {
        const answer = await fetch(`http://127.0.0.1:${port}/${path}${url.search}`, {
          method: request.method,
          headers,
          body: request.body,
          duplex: "half",
          redirect: "manual",
          signal: request.signal,
        });
        return new Response(answer.body, { status: answer.status, headers: answer.headers });
      } catch (error) {
        if (request.signal.aborted) return new Response(null, { status: 499 });
        console.error(error);
        return Response.json({ code: "WORKER_ERROR", message: "Function exited" }, { status: 502 });
      }
    },

    close() {
      for (const { process } of running.values()) process.kill();
    },
  };
}

// Of the server's own environment only what a program needs to run and to reach the network.
function inherited() {
  const wanted = /^(PATH|HOME|LANG|TMPDIR|DENO_.*|XDG_.*|SSL_CERT_.*|https?_proxy|no_proxy|npm_config_registry)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([key]) => wanted.test(key)));
}

const lives = (child) => child.exitCode === null && child.signalCode === null;

function newestChange(folder, envFile) {
  const files = readdirSync(folder, { recursive: true }).map((file) => join(folder, file));
  if (envFile) files.push(envFile);
  return Math.max(...files.filter((file) => existsSync(file)).map((file) => statSync(file).mtimeMs));
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

async function answers(port, child) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && lives(child)) {
    try {
      // Any answer will do: functions refuse this method.
      await fetch(`http://127.0.0.1:${port}/`, { method: "OPTIONS" });
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }
  child.kill();
  throw new Error(`the function did not answer within ${START_MS / 1000} s`);
}
