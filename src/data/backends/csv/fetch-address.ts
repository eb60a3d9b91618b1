// What an address gives, into memory and up to a limit. Other sites must allow it (CORS): what a browser refuses looks like a
// server that does not answer.
import { AppError } from '../../../lib/errors';
import { patientFetch, type PatientFetchParts } from '../../../lib/download/patient-fetch';
import { DEFAULT_RETRIES } from '../../../lib/download/retry-policy';
import { isAddress, shownAddress } from './csv-settings';

const RETRIES = { ...DEFAULT_RETRIES, attempts: 3, longestAskedMs: 10_000 };

/** @throws AppError `backend.unreachable` with the reason, without what may open the address; the signal's reason. */
export async function fetchAddress(
  url: string,
  limitBytes: number,
  parts: PatientFetchParts,
  signal: AbortSignal,
): Promise<Blob> {
  if (!isAddress(url))
    throw failed(`"${shownAddress(url)}" is no address that begins with http:// or https://.`);
  const shown = shownAddress(url);
  const response = await patientFetch(url, {}, { retries: RETRIES, ...parts }, signal);
  const announced = Number(response.headers.get('Content-Length') ?? 0);
  if (!response.ok || announced > limitBytes) {
    await response.body?.cancel().catch(() => undefined);
    throw failed(response.ok ? tooLarge(shown, limitBytes) : `${shown} answered ${response.status}.`);
  }
  return collect(response, shown, limitBytes, signal);
}

async function collect(
  response: Response,
  shown: string,
  limitBytes: number,
  signal: AbortSignal,
): Promise<Blob> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.byteLength;
      if (bytes > limitBytes) throw failed(tooLarge(shown, limitBytes));
      chunks.push(chunk);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof AppError
      ? error
      : failed(`The connection for ${shown} ended after ${bytes} bytes.`, error);
  }
  return new Blob(chunks);
}

function tooLarge(shown: string, limitBytes: number): string {
  return `${shown} has more than the ${Math.round(limitBytes / 2 ** 20)} MiB that one address may have.`;
}

function failed(message: string, cause?: unknown): AppError {
  return new AppError('backend.unreachable', message, { remedy: 'Correct the address in the table.', cause });
}
