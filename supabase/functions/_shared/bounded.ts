// Bodies that others send, read up to a limit: nobody fills the memory before they are refused.

/** What a body holds; undefined, with the rest left unread, where that is more than `maxBytes`. */
export async function bounded(
  body: ReadableStream<Uint8Array<ArrayBuffer>> | null,
  maxBytes: number,
): Promise<Blob | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const part of body ?? []) {
    size += part.length;
    // Leaving the loop cancels the body.
    if (size > maxBytes) return undefined;
    parts.push(part);
  }
  return new Blob(parts);
}
