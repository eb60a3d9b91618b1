// Requests to a hub and to its service of datasets, with their token: it goes to these two hosts only, and only encrypted.
// Addresses that they name elsewhere are asked without it. No answer is kept.
import * as v from 'valibot';
import type { PatientFetchParts } from '../../../lib/download/patient-fetch';
import { patientFetch } from '../../../lib/download/patient-fetch';
import { nextPage } from '../../../lib/download/next-page';
import { RangeReader } from '../../../lib/download/range-reader';
import { RangeSource } from '../../../lib/download/range-source';
import { RemoteFile } from '../../../lib/download/remote-file';
import type { Pool } from '../../../lib/async/pool';
import type { HubDataset } from './hub-dataset';
import { asBackendError } from '../network-errors';
import { badAnswerError, explainDataset, insecureError } from './hub-data-errors';

export interface HubEndpoints {
  /** Both without a slash at their end. */
  hub: string;
  datasetsServer: string;
}

export interface HubRequestsParts extends PatientFetchParts {
  endpoints: HubEndpoints;
  dataset: HubDataset;
  token: string | null;
  pool: Pool;
}

export class HubRequests {
  readonly #parts: HubRequestsParts;

  constructor(parts: HubRequestsParts) {
    this.#parts = parts;
  }

  get endpoints(): HubEndpoints {
    return this.#parts.endpoints;
  }

  /** @returns the answer and the address of the page after it. @throws AppError `backend.*`; the signal's reason. */
  async json<Schema extends v.GenericSchema>(
    url: string,
    schema: Schema,
    signal: AbortSignal,
  ): Promise<{ value: v.InferOutput<Schema>; next: string | null }> {
    const response = await this.#ask(url, signal);
    const { host, origin } = new URL(url);
    if (!response.ok) {
      await response.body?.cancel().catch(() => undefined);
      throw this.#explain(response, null) ?? badAnswerError(host, `status ${response.status}`);
    }
    const parsed = v.safeParse(schema, await response.json().catch(() => undefined));
    if (!parsed.success) throw badAnswerError(host, parsed.issues[0].message);
    return { value: parsed.output, next: nextPage(response.headers.get('Link'), origin) };
  }

  /** A file that is read by ranges, when and where it is read. @param signal ends its reads for good. */
  file(name: string, url: string, sizeBytes: number, signal: AbortSignal): Blob {
    const { fetch, clock, online, retries, pool } = this.#parts;
    const source = new RangeSource({
      fetch,
      name,
      url,
      headers: this.#headers(url),
      explain: (response) => this.#explain(response, name),
      now: clock.now,
      online,
    });
    const reader = new RangeReader({ source, name, sizeBytes, clock, retries });
    return new RemoteFile(sizeBytes, async (start, end) => {
      try {
        return await pool.run(() => reader.read(start, end, signal), signal);
      } catch (error) {
        throw asBackendError(error);
      }
    });
  }

  async #ask(url: string, signal: AbortSignal): Promise<Response> {
    try {
      return await patientFetch(url, this.#headers(url), this.#parts, signal);
    } catch (error) {
      throw asBackendError(error);
    }
  }

  #explain(response: Response, file: string | null): ReturnType<typeof explainDataset> {
    const { dataset, token } = this.#parts;
    const code = response.headers.get('X-Error-Code');
    return explainDataset(response.status, code, { dataset, file, hasToken: token !== null });
  }

  #headers(url: string): Record<string, string> {
    const { token, endpoints } = this.#parts;
    const { origin, protocol, hostname, host } = new URL(url);
    const known = [endpoints.hub, endpoints.datasetsServer].some(
      (endpoint) => new URL(endpoint).origin === origin,
    );
    if (token === null || !known) return {};
    if (protocol !== 'https:' && !['localhost', '127.0.0.1', '[::1]'].includes(hostname))
      throw insecureError(host);
    return { Authorization: `Bearer ${token}` };
  }
}
