// One page of a bucket's listing (ListObjectsV2): asked for by its query, understood from its XML. It asks nothing itself.
import { isBackendPath } from '../backend-path';
import type { BackendFile } from '../data-backend';
import { decodeEntities, elementsOf, textOf } from './xml-tags';

const PAGE_SIZE = 1000;

export interface S3Page {
  files: BackendFile[];
  /** What the next page is asked for with; null on the last one. */
  next: string | null;
}

export function listingQuery(
  prefix: string,
  token: string | null,
  pageSize = PAGE_SIZE,
): Record<string, string> {
  return {
    'list-type': '2',
    'max-keys': String(pageSize),
    ...(prefix === '' ? {} : { prefix }),
    ...(token === null ? {} : { 'continuation-token': token }),
  };
}

/**
 * @param root what keys begin with and paths do not.
 * @returns null for what is no listing, or one that cannot be gone on with.
 */
export function parseListing(xml: string, root: string): S3Page | null {
  if (!xml.includes('<ListBucketResult')) return null;
  const files: BackendFile[] = [];
  for (const entry of elementsOf(xml, 'Contents')) {
    const file = toFile(entry, root);
    if (file !== null) files.push(file);
  }
  if (textOf(xml, 'IsTruncated') !== 'true') return { files, next: null };
  const next = textOf(xml, 'NextContinuationToken');
  return next === null ? null : { files, next };
}

/** null for the marks that stand for folders, and for keys that no address can name (`..` among their parts). */
function toFile(entry: string, root: string): BackendFile | null {
  const key = decodeEntities(firstOf(entry, 'Key'));
  const path = key.slice(root.length);
  if (!key.startsWith(root) || !isBackendPath(path)) return null;
  const size = Number(firstOf(entry, 'Size') || Number.NaN);
  const time = Date.parse(firstOf(entry, 'LastModified'));
  return {
    path,
    size: Number.isSafeInteger(size) ? size : null,
    lastModified: Number.isNaN(time) ? null : time,
  };
}

function firstOf(entry: string, name: string): string {
  for (const text of elementsOf(entry, name)) return text;
  return '';
}
