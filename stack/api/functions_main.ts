// Runs one edge function: what `Deno.serve` in its index.ts listens on is the port that comes on
// standard input, and the process ends when that input does.
const input = Deno.stdin.readable.pipeThrough(new TextDecoderStream()).getReader();
const { value: port } = await input.read();
Deno.env.set("DENO_SERVE_ADDRESS", `tcp:127.0.0.1:${Number(port)}`);
input.read().then(() => Deno.exit(0));
await import(`file://${Deno.env.get("MEDLEY_FUNCTION")}`);
