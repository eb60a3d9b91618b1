// What can be written into a blob store, and its forms.

export type BlobContent = Blob | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

/** Bytes, or null where a stream does not tell. */
export function sizeOf(content: BlobContent): number | null {
  if (content instanceof Blob) return content.size;
  return content instanceof Uint8Array ? content.byteLength : null;
}

/** The content in pieces; a big Blob is never in memory as a whole. */
export async function* chunksOf(content: BlobContent): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) {
    yield content;
    return;
  }
  const reader = (content instanceof Blob ? content.stream() : content).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    // A consumer that stops early lets the producer know; a reader at its end has nothing left to cancel.
    await reader.cancel().catch(() => undefined);
  }
}

/** The content as a Blob. Blobs never change: later writes to the bytes it was made of do not show. */
export async function toBlob(content: BlobContent): Promise<Blob> {
  if (content instanceof Blob) return content;
  if (content instanceof Uint8Array) return new Blob([content]);
  return new Response(content as ReadableStream<Uint8Array<ArrayBuffer>>).blob();
}
