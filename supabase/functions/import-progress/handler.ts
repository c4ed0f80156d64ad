// Updates of an import as server-sent events.
import { ApiError, invalidArgument } from "../_shared/errors.ts";
import { type Hub, isLast, type Listener, type Update } from "./hub.ts";

const HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  // For proxies that collect answers before they pass them on.
  "x-accel-buffering": "no",
};

/** Events that may wait for a client that reads slowly; after that it must come back. */
const BEHIND = 500;
const ANSWER_MS = 10_000;

/** Answers with a stream, or with 204 where the client has everything and need not come back. */
export function handler(
  hub: Hub,
  heartbeatMs: number,
): (request: Request) => Promise<Response> {
  return async (request) => {
    const jobId = new URL(request.url).searchParams.get("job_id") ?? "";
    if (jobId === "" || jobId.length > 255) {
      throw invalidArgument(
        "job_id",
        "job_id is missing",
        "Pass ?job_id=..., as import-artist answers it.",
      );
    }
    const known = lastEventId(request.headers.get("last-event-id"));
    const current = await currentState(hub, jobId);
    if (known !== undefined && known >= current.update_no && isLast(current)) {
      return new Response(null, { status: 204 });
    }
    return new Response(stream(hub, current, known, heartbeatMs), { headers: HEADERS });
  };
}

function lastEventId(header: string | null): number | undefined {
  if (header === null || header === "") return undefined;
  if (!/^\d{1,9}$/.test(header)) {
    throw invalidArgument(
      "Last-Event-ID",
      "Last-Event-ID is not the id of an event",
      "Leave it out to begin anew.",
    );
  }
  return Number(header);
}

function currentState(hub: Hub, jobId: string): Promise<Update> {
  const { promise, resolve, reject } = Promise.withResolvers<Update>();
  const listener: Listener = {
    jobId,
    known: null,
    update: resolve,
    missing: () =>
      reject(
        new ApiError(
          404,
          "not_found",
          `no import ${jobId}`,
          "import-artist answers the id.",
          "job_id",
        ),
      ),
  };
  const late = setTimeout(
    () =>
      reject(new ApiError(503, "unavailable", "the database does not answer", "Try again later.")),
    ANSWER_MS,
  );
  hub.add(listener);
  return promise.finally(() => {
    clearTimeout(late);
    hub.remove(listener);
  });
}

function stream(
  hub: Hub,
  current: Update,
  known: number | undefined,
  heartbeatMs: number,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let heartbeat: ReturnType<typeof setInterval>;
  let listener: Listener;
  const leave = () => {
    clearInterval(heartbeat);
    hub.remove(listener);
  };
  return new ReadableStream<Uint8Array>({
    start(controller) {
      let open = true;
      const end = () => {
        leave();
        if (open) controller.close();
        open = false;
      };
      const send = (text: string) => {
        controller.enqueue(encoder.encode(text));
        if ((controller.desiredSize ?? 0) < -BEHIND) end();
      };
      const pass = (update: Update) => {
        send(eventOf(update));
        if (isLast(update)) end();
      };
      // A number from the future is not ours: such a client begins anew.
      const resumes = known !== undefined && known <= current.update_no;
      listener = {
        jobId: current.job_id,
        known: resumes ? known : current.update_no,
        update: pass,
        missing: () => {},
      };
      heartbeat = setInterval(() => send(": alive\n\n"), heartbeatMs);
      send("retry: 2000\n\n");
      if (!resumes) pass(current);
      if (resumes || !isLast(current)) hub.add(listener);
    },
    cancel: leave,
  });
}

/** The event's name is done, failed, or progress for all before. */
function eventOf(update: Update): string {
  const { update_no: id, ...state } = update;
  const name = isLast(update) ? update.stage : "progress";
  return `id: ${id}\nevent: ${name}\ndata: ${JSON.stringify(state)}\n\n`;
}
