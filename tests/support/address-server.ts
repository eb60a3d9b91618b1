// A local server with texts at its addresses, as a table of addresses names them: CORS, tables, refusals, cut answers. Node only.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Answer {
  body?: string | Uint8Array;
  status?: number;
  headers?: Record<string, string>;
  /** The connection ends after so many bytes. */
  cutAfter?: number;
}

export class AddressServer {
  readonly answers = new Map<string, Answer>();
  /** Paths with their queries, in the order in which they were asked for. */
  readonly requests: string[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  static async start(): Promise<AddressServer> {
    const server = new AddressServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  asked(path: string): number {
    return this.requests.filter((request) => request === path).length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '/';
    this.requests.push(path);
    const { body = '', status = 200, headers = {}, cutAfter } = this.answers.get(path) ?? { status: 404 };
    const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.from(body);
    response.writeHead(status, {
      'Access-Control-Allow-Origin': '*',
      'Content-Length': String(bytes.length),
      ...headers,
    });
    if (cutAfter === undefined) response.end(bytes);
    else response.write(bytes.subarray(0, cutAfter), () => response.destroy());
  }
}
