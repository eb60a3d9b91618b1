// How the local S3 service answers: as it should, or spoiled as a test asks for. Node only.
import type { IncomingMessage, ServerResponse } from 'node:http';

/** What the next matching requests meet instead of, or on top of, the right answer. Cloneable: tests in a browser send it. */
export type S3Fault = { method?: string; path: string; times: number } & (
  | { kind: 'status'; status: number; code?: string; more?: string; headers?: Record<string, string> }
  /** The connection ends after so many bytes of the body. */
  | { kind: 'cut'; afterBytes: number }
  /** Nothing more comes after so many bytes. */
  | { kind: 'stall'; afterBytes: number }
  /** The body comes in pieces with pauses between them. */
  | { kind: 'slow'; pieces: number; pauseMs: number }
  /** Ranges are not understood. */
  | { kind: 'whole' }
  /** Another version of the object. */
  | { kind: 'etag'; etag: string }
  /** Something that is no S3 service answers. */
  | { kind: 'page' }
);

/** What s3rver answered. */
export interface PassedAnswer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export async function send(
  answer: PassedAnswer,
  method: string,
  response: ServerResponse,
  fault: S3Fault | null,
): Promise<void> {
  const { connection: _connection, 'transfer-encoding': _encoding, ...headers } = answer.headers;
  const length = method === 'HEAD' ? headers['content-length'] : String(answer.body.byteLength);
  response.writeHead(answer.status, {
    ...headers,
    ...(length === undefined ? {} : { 'content-length': length }),
    ...(fault?.kind === 'etag' ? { etag: fault.etag } : {}),
  });
  if (fault?.kind === 'cut') {
    response.write(answer.body.subarray(0, fault.afterBytes), () => response.destroy());
  } else if (fault?.kind === 'stall') {
    response.write(answer.body.subarray(0, fault.afterBytes));
  } else if (fault?.kind === 'slow') {
    const size = Math.ceil(answer.body.byteLength / fault.pieces);
    for (let at = 0; at < answer.body.byteLength; at += size) {
      response.write(answer.body.subarray(at, at + size));
      await new Promise((resolve) => setTimeout(resolve, fault.pauseMs));
    }
    response.end();
  } else {
    response.end(answer.body);
  }
}

export function refuse(
  response: ServerResponse,
  status: number,
  code: string | undefined,
  more = '',
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/xml', ...headers });
  if (code === undefined) return void response.end();
  const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>No.</Message>${more}</Error>`;
  response.end(xml);
}

export function plain(headers: IncomingMessage['headers']): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

export async function bodyOf(message: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
