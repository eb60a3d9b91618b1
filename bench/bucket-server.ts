// A bucket of very many small texts that exist only when they are asked for: the pages of a listing and ranges of an object, as
// an S3 service answers them. It checks no signatures.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const BUCKET = 'bench';
const PAGE = 1000;
const CONTENT = 'The anvil rings; the iron cools.\n';
const CORS = {
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': 'GET,HEAD',
  'Access-Control-Allow-Headers': '*, Authorization',
  'Access-Control-Expose-Headers': 'ETag,Content-Length,Content-Range',
};

const nameOf = (number: number): string => `text-${String(number).padStart(7, '0')}.txt`;

export class BucketServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(files: number): Promise<BucketServer> {
    const server = createServer((request, response) => answer(files, request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new BucketServer(server);
  }

  /** Settings of a backend that reads it. */
  get settings(): { endpoint: string; bucket: string } {
    return { endpoint: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`, bucket: BUCKET };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function answer(files: number, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://bucket');
  const isListing = request.method === 'GET' && searchParams.has('list-type');
  if (request.method === 'OPTIONS') response.writeHead(204, CORS).end();
  else if (isListing) {
    response.writeHead(200, { ...CORS, 'Content-Type': 'application/xml' }).end(page(files, searchParams));
  } else if (pathname.length <= BUCKET.length + 2) response.writeHead(200, CORS).end();
  else sendObject(request, response);
}

function page(files: number, query: URLSearchParams): string {
  const first = Number(query.get('continuation-token') ?? 0);
  const end = Math.min(files, first + Math.min(PAGE, Number(query.get('max-keys') ?? PAGE)));
  const contents = Array.from(
    { length: end - first },
    (_, i) =>
      `<Contents><Key>${nameOf(first + i)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>` +
      `<Size>${CONTENT.length}</Size></Contents>`,
  );
  const next = end < files ? `<NextContinuationToken>${end}</NextContinuationToken>` : '';
  return (
    `<ListBucketResult><Name>${BUCKET}</Name><IsTruncated>${end < files}</IsTruncated>` +
    `${next}${contents.join('')}</ListBucketResult>`
  );
}

function sendObject(request: IncomingMessage, response: ServerResponse): void {
  const [, first = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  const end = last === '' ? CONTENT.length - 1 : Math.min(Number(last), CONTENT.length - 1);
  const ranged = request.headers.range !== undefined;
  const body = CONTENT.slice(Number(first), end + 1);
  response.writeHead(ranged ? 206 : 200, {
    ...{ ...CORS, ETag: '"1"', 'Accept-Ranges': 'bytes', 'Content-Length': body.length },
    ...(ranged ? { 'Content-Range': `bytes ${first}-${end}/${CONTENT.length}` } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}
