// Files that are made while they are read: a name, a length known beforehand, and bytes that come piece by piece. Pieces may
// be views of memory that is used again; whoever keeps one copies it.
import type { StreamedFile } from './onnx';

export type { StreamedFile } from './onnx';

const utf8 = new TextEncoder();

export function textFile(name: string, text: string): StreamedFile {
  return bytesFile(name, utf8.encode(text));
}

/** Two spaces of indentation and a line end, as Hugging Face writes JSON. */
export function jsonFile(name: string, value: unknown): StreamedFile {
  return textFile(name, `${JSON.stringify(value, null, 2)}\n`);
}

export function bytesFile(name: string, bytes: Uint8Array<ArrayBuffer>): StreamedFile {
  async function* stream(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    await Promise.resolve();
    yield bytes;
  }
  return { name, byteLength: bytes.byteLength, stream };
}

export function blobFile(name: string, blob: Blob): StreamedFile {
  async function* stream(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    const reader = blob.stream().getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }
  return { name, byteLength: blob.size, stream };
}
