// A local server that behaves like the Hugging Face hub: repositories with revisions, `resolve` that redirects big files
// to a CDN of another origin under signed addresses, ranges, ETags, CORS, tokens, gated repositories, datasets with the list
// of their Parquet files; and, on request, what goes wrong in real life. Node only. Bytes are the test's; nothing is written to disk.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HubRepository {
  commit: string;
  /** Names of the commit. */
  revisions: string[];
  files: Map<string, Uint8Array>;
  /** Readable only with a token that was granted access. */
  gated: boolean;
  license: string | null;
  /** Its tables are the first part of what there is. */
  partial: boolean;
}

/** What the next matching requests meet instead of, or on top of, the right answer. */
export type HubFault = { where: 'hub' | 'cdn'; path: RegExp; times: number } & (
  | { kind: 'status'; status: number; headers?: Record<string, string> }
  /** The connection ends after so many bytes of the body. */
  | { kind: 'cut'; afterBytes: number }
  /** Nothing more comes after so many bytes. */
  | { kind: 'stall'; afterBytes: number }
  /** The file is said, and sent, to be of this size. */
  | { kind: 'size'; sizeBytes: number }
  /** A byte in the middle is another one. */
  | { kind: 'corrupt' }
);

export interface HubRequest {
  where: 'hub' | 'cdn';
  method: string;
  path: string;
  range: string | null;
  authorization: string | null;
}

/** The revision that tables of datasets lie at. */
const CONVERTED = 'refs/convert/parquet';
/** Files from this size on are kept in large-file storage: a SHA-256, and a redirect. */
const LARGE_BYTES = 1024;
const EXPOSED =
  'X-Repo-Commit,X-Error-Code,X-Error-Message,ETag,Link,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-Etag';

export class HubServer {
  readonly repositories = new Map<string, HubRepository>();
  /** Token to the repositories that it may read besides the open ones. */
  readonly tokens = new Map<string, Set<string>>();
  readonly requests: HubRequest[] = [];
  faults: HubFault[] = [];
  /** false: every GET answers with the whole file. */
  ranges = true;
  /** Under which address it tells its own files; null is where it listens. */
  shownUrl: string | null = null;
  /** Entries of one page of a listing. */
  pageSize = 1000;
  #signature = 1;
  readonly #hub: Server;
  readonly #cdn: Server;

  private constructor() {
    this.#hub = createServer((request, response) => this.#serve('hub', request, response));
    this.#cdn = createServer((request, response) => this.#serve('cdn', request, response));
  }

  static async start(): Promise<HubServer> {
    const server = new HubServer();
    await Promise.all([listen(server.#hub), listen(server.#cdn)]);
    return server;
  }

  get url(): string {
    return addressOf(this.#hub);
  }

  get cdnUrl(): string {
    return addressOf(this.#cdn);
  }

  add(
    id: string,
    files: Record<string, Uint8Array | string>,
    options: Partial<HubRepository> = {},
  ): HubRepository {
    const repository: HubRepository = {
      commit: createHash('sha1').update(id).digest('hex'),
      revisions: ['main'],
      files: new Map(Object.entries(files).map(([path, content]) => [path, bytesOf(content)])),
      gated: false,
      license: null,
      partial: false,
      ...options,
    };
    this.repositories.set(id, repository);
    return repository;
  }

  /** Signed addresses that were given out end here. */
  expireSignatures(): void {
    this.#signature += 1;
  }

  /** Requests for a file's bytes, by where they were answered. */
  asked(where: HubRequest['where'], path: RegExp): HubRequest[] {
    return this.requests.filter((request) => request.where === where && path.test(request.path));
  }

  async stop(): Promise<void> {
    await Promise.all([this.#hub, this.#cdn].map(close));
  }

  #serve(where: HubRequest['where'], request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const path = decodeURIComponent(url.pathname);
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Expose-Headers', EXPOSED);
    if (request.method === 'OPTIONS') {
      response.setHeader('Access-Control-Allow-Headers', 'Authorization,Range');
      response.setHeader('Access-Control-Allow-Methods', 'GET,HEAD');
      return void response.writeHead(204).end();
    }
    const { range, authorization } = request.headers;
    this.requests.push({
      where,
      method: request.method ?? '',
      path,
      range: range ?? null,
      authorization: authorization ?? null,
    });
    const fault = this.#fault(where, path);
    if (fault?.kind === 'status') return void response.writeHead(fault.status, fault.headers).end();
    if (where === 'cdn') return this.#serveSigned(url, request, response, fault);
    if (path === '/parquet') return this.#serveParquet(url, request, response);
    if (/^\/api\/(models|datasets)\//.test(path)) return this.#serveApi(path, url, request, response);
    this.#serveResolve(url, request, response, fault);
  }

  #fault(where: HubRequest['where'], path: string): HubFault | null {
    const found = this.faults.find(
      (fault) => fault.where === where && fault.times > 0 && fault.path.test(path),
    );
    if (found !== undefined) found.times -= 1;
    return found ?? null;
  }

  #serveApi(path: string, url: URL, request: IncomingMessage, response: ServerResponse): void {
    const match = /^\/api\/(?:models|datasets)\/((?:[^/]+\/)?[^/]+)\/(revision|tree)\/(.+)$/.exec(path);
    const [, id = '', call = '', revision = ''] = match ?? [];
    const repository = this.#admit(id, request, response, call === 'revision');
    if (repository === null) return;
    if (!isRevision(repository, revision)) {
      return refuse(response, 404, 'RevisionNotFound', `Invalid rev id: ${revision}`);
    }
    if (call === 'tree') return this.#serveTree(repository, url, response);
    json(response, {
      id,
      sha: repository.commit,
      private: false,
      gated: repository.gated ? 'manual' : false,
      cardData: repository.license === null ? {} : { license: repository.license },
      siblings: [...repository.files.keys()].map((rfilename) => ({ rfilename })),
    });
  }

  #serveTree(repository: HubRepository, url: URL, response: ServerResponse): void {
    const from = Number(url.searchParams.get('cursor') ?? 0);
    const entries = [...repository.files].map(([path, bytes]) => treeEntry(path, bytes));
    const folders = new Set([...repository.files.keys()].filter((path) => path.includes('/')).map(folderOf));
    const all = [...[...folders].map((path) => ({ type: 'directory', path, size: 0 })), ...entries];
    if (from + this.pageSize < all.length) {
      const next = new URL(url.pathname + url.search, this.url);
      next.searchParams.set('cursor', String(from + this.pageSize));
      response.setHeader('Link', `<${next.href}>; rel="next"`);
    }
    json(response, all.slice(from, from + this.pageSize));
  }

  /** Files of datasets that lie as `configuration/split/name.parquet`, as the service of datasets tells them. */
  #serveParquet(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const dataset = url.searchParams.get('dataset') ?? '';
    const repository = this.#admit(dataset, request, response, false);
    if (repository === null) return;
    const files = [...repository.files].flatMap(([path, bytes]) => {
      const [, config, split, filename] = /^([^/]+)\/([^/]+)\/([^/]+\.parquet)$/.exec(path) ?? [];
      if (config === undefined) return [];
      const address = `${this.shownUrl ?? this.url}/datasets/${dataset}/resolve/${encodeURIComponent(CONVERTED)}/${path}`;
      return [{ dataset, config, split, url: address, filename, size: bytes.byteLength }];
    });
    json(response, { parquet_files: files, pending: [], failed: [], partial: repository.partial });
  }

  #serveResolve(url: URL, request: IncomingMessage, response: ServerResponse, fault: HubFault | null): void {
    const [id = '', revision = '', file = ''] =
      /^(?:\/datasets)?\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/
        .exec(url.pathname)
        ?.slice(1)
        .map(decodeURIComponent) ?? [];
    const repository = this.#admit(id, request, response, false);
    if (repository === null) return;
    if (!isRevision(repository, revision)) return refuse(response, 404, 'RevisionNotFound', 'Invalid rev id');
    const bytes = repository.files.get(file);
    if (bytes === undefined) return refuse(response, 404, 'EntryNotFound', 'Entry not found');
    response.setHeader('X-Repo-Commit', repository.commit);
    if (bytes.byteLength < LARGE_BYTES) {
      return this.#send(bytes, `"${gitId(bytes)}"`, request, response, fault);
    }
    response.setHeader('X-Linked-Size', bytes.byteLength);
    response.setHeader('X-Linked-Etag', `"${sha256(bytes)}"`);
    const signed = `${this.cdnUrl}/${id}/${file}?signature=${this.#signature}`;
    response.writeHead(302, { Location: signed }).end();
  }

  #serveSigned(url: URL, request: IncomingMessage, response: ServerResponse, fault: HubFault | null): void {
    const [, id = '', file = ''] = /^\/([^/]+\/[^/]+)\/(.+)$/.exec(decodeURIComponent(url.pathname)) ?? [];
    const bytes = this.repositories.get(id)?.files.get(file);
    if (bytes === undefined || url.searchParams.get('signature') !== String(this.#signature)) {
      return void response.writeHead(403).end();
    }
    this.#send(bytes, `"${sha256(bytes)}"`, request, response, fault);
  }

  /** null where the request was refused. */
  #admit(
    id: string,
    request: IncomingMessage,
    response: ServerResponse,
    metadata: boolean,
  ): HubRepository | null {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? null;
    const granted = token === null ? null : this.tokens.get(token);
    if (granted === undefined) {
      refuse(response, 401, null, 'Invalid credentials in Authorization header');
      return null;
    }
    const repository = this.repositories.get(id);
    if (repository === undefined) {
      refuse(response, token === null ? 401 : 404, 'RepoNotFound', 'Repository not found');
      return null;
    }
    // What a gated repository is about may be read by all, its files may not.
    if (repository.gated && !metadata && granted?.has(id) !== true) {
      refuse(response, token === null ? 401 : 403, 'GatedRepo', `Access to model ${id} is restricted.`);
      return null;
    }
    return repository;
  }

  #send(
    whole: Uint8Array,
    etag: string,
    request: IncomingMessage,
    response: ServerResponse,
    fault: HubFault | null,
  ): void {
    const bytes = fault === null ? whole : spoiled(whole, fault);
    const asked = this.ranges ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') : null;
    const start = asked === null ? 0 : Number(asked[1]);
    const last = asked === null || asked[2] === '' ? bytes.length - 1 : Number(asked[2]);
    response.setHeader('ETag', etag);
    if (start >= bytes.length && bytes.length > 0) {
      return void response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
    }
    const part = bytes.subarray(start, last + 1);
    response.setHeader('Content-Length', part.length);
    if (asked !== null) {
      response.setHeader('Content-Range', `bytes ${start}-${start + part.length - 1}/${bytes.length}`);
    }
    response.writeHead(asked === null ? 200 : 206);
    if (request.method === 'HEAD') return void response.end();
    sendBody(part, response, fault);
  }
}

function sendBody(part: Uint8Array, response: ServerResponse, fault: HubFault | null): void {
  if (fault?.kind === 'cut') {
    response.write(part.subarray(0, fault.afterBytes), () => response.destroy());
  } else if (fault?.kind === 'stall') {
    response.write(part.subarray(0, fault.afterBytes));
  } else {
    response.end(part);
  }
}

function spoiled(bytes: Uint8Array, fault: HubFault): Uint8Array {
  if (fault.kind === 'size') {
    const other = new Uint8Array(fault.sizeBytes);
    other.set(bytes.subarray(0, fault.sizeBytes));
    return other;
  }
  if (fault.kind !== 'corrupt') return bytes;
  const copy = bytes.slice();
  const middle = copy.length >> 1;
  copy[middle] = (copy[middle] ?? 0) ^ 1;
  return copy;
}

function treeEntry(path: string, bytes: Uint8Array): Record<string, unknown> {
  const entry = { type: 'file', path, size: bytes.byteLength, oid: gitId(bytes) };
  if (bytes.byteLength < LARGE_BYTES) return entry;
  return { ...entry, lfs: { oid: sha256(bytes), size: bytes.byteLength, pointerSize: 133 } };
}

function isRevision({ commit, revisions }: HubRepository, revision: string): boolean {
  return revision === commit || revision === CONVERTED || revisions.includes(revision);
}

function refuse(response: ServerResponse, status: number, code: string | null, message: string): void {
  if (code !== null) response.setHeader('X-Error-Code', code);
  response.setHeader('X-Error-Message', message);
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify({ error: message }));
}

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function gitId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

function bytesOf(content: Uint8Array | string): Uint8Array {
  return typeof content === 'string' ? new TextEncoder().encode(content) : content;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
