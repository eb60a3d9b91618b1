// Asks a model hub what a repository holds, and reads its small files. Plain fetch, no state but the endpoint. It downloads no
// weights (hub-downloads does) and keeps no token: that is an argument, and goes to the endpoint's own host only.
import * as v from 'valibot';
import { AppError } from '../../lib/errors';
import { cutError } from '../../lib/download/download-errors';
import { nextPage } from '../../lib/download/next-page';
import { patientFetch } from '../../lib/download/patient-fetch';
import { RemoteFile } from '../../lib/download/remote-file';
import { DEFAULT_RETRIES, retryDelayMs, type RetryLimits } from '../../lib/download/retry-policy';
import type { TransferClock } from '../../lib/download/transfer';
import type { HubFile, HubRepository } from '../../protocol/hub';
import { requireChoices } from './choose-files';
import { parseHubAddress, resolveUrl, type HubAddress } from './hub-address';
import { explainHub, type HubQuestion } from './hub-errors';

const HEX = v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/));
const SHA256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const infoSchema = v.object({
  sha: HEX,
  gated: v.optional(v.union([v.boolean(), v.string()]), false),
  cardData: v.nullish(v.object({ license: v.nullish(v.union([v.string(), v.array(v.string())])) })),
});
const size = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const entrySchema = v.object({
  type: v.string(),
  path: v.string(),
  size: v.optional(size, 0),
  oid: v.optional(v.string(), ''),
  lfs: v.nullish(v.object({ oid: SHA256, size })),
});
const treeSchema = v.array(entrySchema);

/** More files than that is no model. */
const MOST_PAGES = 50;

export interface HubClientParts {
  fetch: typeof fetch;
  /** Without a slash at its end. */
  endpoint: string;
  clock: TransferClock;
  online: () => boolean;
  retries?: RetryLimits;
}

/** One file of a repository, as it is at a commit. */
export interface HubFilePlace {
  repositoryId: string;
  commit: string;
  file: HubFile;
}

/** Stays with its endpoint for its life: a token that was given for one hub never goes to another. */
export class HubClient {
  readonly #parts: HubClientParts;
  readonly #endpoint: string;

  constructor(parts: HubClientParts) {
    this.#parts = parts;
    this.#endpoint = parts.endpoint;
  }

  get endpoint(): string {
    return this.#endpoint;
  }

  /**
   * @param text `owner/name`, `owner/name@revision`, or the address of its page.
   * @throws AppError `hub.bad-address`, `hub.not-found`, `hub.revision-not-found`, `hub.gated`, `hub.token-refused`,
   * `hub.no-model`, `hub.bad-answer`, or why the hub could not be asked.
   */
  async inspect(
    text: string,
    token: string | null,
    signal = new AbortController().signal,
  ): Promise<HubRepository> {
    const address = parseHubAddress(text, this.#endpoint);
    const { repositoryId: id, revision } = address;
    const base = `${this.#endpoint}/api/models/${id}`;
    const info = await this.#json(
      `${base}/revision/${encodeURIComponent(revision)}`,
      infoSchema,
      address,
      token,
      signal,
    );
    const files = await this.#files(`${base}/tree/${info.value.sha}?recursive=true`, address, token, signal);
    const license = info.value.cardData?.license ?? null;
    return {
      id,
      revision,
      commit: info.value.sha,
      gated: info.value.gated !== false,
      license: Array.isArray(license) ? license.join(', ') : license,
      choices: requireChoices(id, files),
    };
  }

  /**
   * A file that is read by ranges, when and where it is read.
   * @throws AppError `hub.*`, `download.*`, at each read.
   */
  openFile(place: HubFilePlace, token: string | null): Blob {
    return new RemoteFile(place.file.sizeBytes, (start, end) => this.#readRange(place, token, start, end));
  }

  /** What a request of this repository's files carries. @throws AppError `hub.insecure`. */
  headers(token: string | null): Record<string, string> {
    if (token === null) return {};
    const { protocol, hostname } = new URL(this.#endpoint);
    if (protocol !== 'https:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname)) {
      throw new AppError('hub.insecure', `A token is not sent to ${hostname} without encryption.`, {
        remedy: 'Use an address that starts with https://.',
      });
    }
    return { Authorization: `Bearer ${token}` };
  }

  /** Tried again where the connection breaks off on the way. */
  async #readRange(
    { repositoryId, commit, file }: HubFilePlace,
    token: string | null,
    start: number,
    end: number,
  ): Promise<ArrayBuffer> {
    const { clock, retries = DEFAULT_RETRIES } = this.#parts;
    const url = resolveUrl(this.#endpoint, repositoryId, commit, file.path);
    const question = { repositoryId, revision: commit, file: file.path, hasToken: token !== null };
    const { signal } = new AbortController();
    for (let failures = 1; ; failures++) {
      const response = await this.#ask(url, token, signal, { Range: `bytes=${start}-${end - 1}` });
      if (!response.ok) await this.#refuse(response, url, question);
      // A server without ranges sends the whole: that is fine for small files and too much for others.
      if (response.status !== 206 && file.sizeBytes > end - start) {
        await response.body?.cancel().catch(() => undefined);
        throw badAnswer(url, 'the whole file instead of the range that was asked for');
      }
      const body = await response
        .arrayBuffer()
        .catch((cause: unknown) => cutError(file.path, 0, end - start, cause));
      if (body instanceof ArrayBuffer) {
        if (body.byteLength === end - start) return body;
        throw badAnswer(url, `${body.byteLength} bytes instead of the ${end - start} that were asked for`);
      }
      const delay = retryDelayMs(failures, null, clock.dice(), retries);
      if (delay === null) throw body;
      await clock.sleep(delay, signal);
    }
  }

  async #files(
    first: string,
    address: HubAddress,
    token: string | null,
    signal: AbortSignal,
  ): Promise<HubFile[]> {
    const files: HubFile[] = [];
    let url: string | null = first;
    for (let page = 0; url !== null && page < MOST_PAGES; page++) {
      const { value, next }: { value: v.InferOutput<typeof treeSchema>; next: string | null } =
        await this.#json(url, treeSchema, address, token, signal);
      files.push(...value.filter(({ type }) => type === 'file').map(toFile));
      url = next;
    }
    return files;
  }

  async #json<Schema extends v.GenericSchema>(
    url: string,
    schema: Schema,
    { repositoryId, revision }: HubAddress,
    token: string | null,
    signal: AbortSignal,
  ): Promise<{ value: v.InferOutput<Schema>; next: string | null }> {
    const response = await this.#ask(url, token, signal);
    const question = { repositoryId, revision, file: null, hasToken: token !== null };
    if (!response.ok) await this.#refuse(response, url, question);
    const parsed = v.safeParse(schema, await response.json().catch(() => undefined));
    if (!parsed.success) throw badAnswer(url, v.flatten(parsed.issues).root?.[0] ?? parsed.issues[0].message);
    return { value: parsed.output, next: nextPage(response.headers.get('Link'), this.#endpoint) };
  }

  async #refuse(response: Response, url: string, question: HubQuestion): Promise<never> {
    await response.body?.cancel().catch(() => undefined);
    throw explainHub(response, question) ?? badAnswer(url, `status ${response.status}`);
  }

  /** Tried again while the trouble may pass. */
  #ask(
    url: string,
    token: string | null,
    signal: AbortSignal,
    more: Record<string, string> = {},
  ): Promise<Response> {
    return patientFetch(url, { ...this.headers(token), ...more }, this.#parts, signal);
  }
}

function toFile({ path, size, oid, lfs }: v.InferOutput<typeof entrySchema>): HubFile {
  if (lfs !== null && lfs !== undefined) {
    return { path, sizeBytes: lfs.size, checksum: { algorithm: 'sha256', hex: lfs.oid } };
  }
  if (!/^[0-9a-f]{40}$/.test(oid)) throw badAnswer(path, 'a file without the hash of its content');
  return { path, sizeBytes: size, checksum: { algorithm: 'git-sha1', hex: oid } };
}

function badAnswer(url: string, what: string): AppError {
  return new AppError('hub.bad-answer', `${url} gave no answer that makes sense: ${what}.`, {
    details: { url },
    remedy: 'Check the address of the hub; a proxy or a login page may answer in its place.',
  });
}
