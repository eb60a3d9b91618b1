// Bytes smaller and back, by the browser's own streams.

export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  return through(bytes, new CompressionStream('gzip'));
}

/** @returns null where they are no gzip, or cut, or changed. */
export async function gunzip(bytes: ArrayBuffer): Promise<ArrayBuffer | null> {
  try {
    return await through(new Uint8Array(bytes), new DecompressionStream('gzip'));
  } catch {
    return null;
  }
}

function through(
  bytes: Uint8Array<ArrayBuffer>,
  transform: CompressionStream | DecompressionStream,
): Promise<ArrayBuffer> {
  return new Response(new Blob([bytes]).stream().pipeThrough(transform)).arrayBuffer();
}
