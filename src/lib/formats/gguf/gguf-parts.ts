// A GGUF file that may be the first of several, as llama.cpp's gguf-split makes them: each part is a GGUF file with its number, and
// the first has the metadata. Their headers, held against each other, become that of one file that is all parts behind one
// another; nothing is copied for that.
import { badGguf, unsupportedGguf } from './gguf-faults';
import { readGgufHeader } from './gguf-header';
import type { GgufEntry, GgufHeader, GgufMetadata } from './gguf-types';
import { ggufNumber, ggufText } from './gguf-values';

/** What gguf-split writes at most is a few dozen. */
const MAX_PARTS = 1024;

/** The other parts of a split file. @param number from 2 to `count`. */
export type FindGgufPart = (number: number, count: number) => Promise<Blob>;

export interface WholeGguf {
  /** Places in it are counted in `file`. */
  header: GgufHeader;
  /** All parts behind one another. */
  file: Blob;
  /** The parts in order; a file that was not split is the only one. */
  parts: readonly Blob[];
}

export interface GgufPartsOptions {
  /** Without it a part of a split file is refused. */
  find?: FindGgufPart;
  /** Makes one file of several; what the browser reads as one by default. */
  join?: (parts: readonly Blob[]) => Blob;
}

/** @throws AppError `model.bad-header`, `model.truncated`, `model.unsupported`, and what `find` throws. */
export async function readWholeGguf(
  first: Blob,
  { find = refusePart, join = (parts) => new Blob([...parts]) }: GgufPartsOptions = {},
): Promise<WholeGguf> {
  const header = await readGgufHeader(first);
  const count = partCount(header.metadata);
  checkNumber(header.metadata, 1, count);
  if (count === 1) return { header, file: first, parts: [first] };
  const parts = [first];
  const headers = [header];
  for (let number = 2; number <= count; number += 1) {
    const part = await find(number, count);
    const other = await readGgufHeader(part);
    checkPart(other.metadata, header.metadata, number, count);
    parts.push(part);
    headers.push(other);
  }
  return { header: { ...header, tensors: joinTensors(headers, parts) }, file: join(parts), parts };
}

/** 1 for a file that was not split. @throws AppError `model.bad-header` for a number that no split has. */
function partCount(metadata: GgufMetadata): number {
  const count = ggufNumber(metadata, 'split.count') ?? 0;
  if (Number.isInteger(count) && count >= 0 && count <= MAX_PARTS) return Math.max(1, count);
  throw badGguf(`split.count is ${count}, at most ${MAX_PARTS} can be`);
}

/** Numbers in the files begin with 0. */
function checkNumber(metadata: GgufMetadata, number: number, count: number): void {
  const found = (ggufNumber(metadata, 'split.no') ?? number - 1) + 1;
  if (found === number) return;
  throw badGguf(`it is part ${found} where part ${number} of ${count} should be`, { found, number, count });
}

function checkPart(metadata: GgufMetadata, first: GgufMetadata, number: number, count: number): void {
  const claimed = ggufNumber(metadata, 'split.count');
  if (claimed !== count) {
    throw badGguf(`part ${number} is of a file in ${claimed ?? 1} parts, the first is of one in ${count}`);
  }
  checkNumber(metadata, number, count);
  const key = ['general.architecture', 'general.name'].find((name) => {
    const own = ggufText(metadata, name);
    return own !== null && own !== ggufText(first, name);
  });
  if (key !== undefined) throw badGguf(`part ${number} is of another model: its ${key} is another one`);
  const [total, expected] = [metadata, first].map((each) => ggufNumber(each, 'split.tensors.count'));
  if (total !== expected) {
    throw badGguf(`part ${number} is of another model: it says ${total} tensors, the first ${expected}`);
  }
}

function joinTensors(headers: readonly GgufHeader[], parts: readonly Blob[]): Map<string, GgufEntry> {
  const tensors = new Map<string, GgufEntry>();
  let before = 0;
  headers.forEach((header, index) => {
    for (const [name, entry] of header.tensors) {
      if (tensors.has(name)) {
        throw badGguf(`the tensor ${name} is in part ${index + 1} and in one before it`, { tensor: name });
      }
      tensors.set(name, { ...entry, begin: entry.begin + before, end: entry.end + before });
    }
    before += parts[index]?.size ?? 0;
  });
  const expected = ggufNumber(headers[0]?.metadata ?? new Map(), 'split.tensors.count');
  if (expected !== null && expected !== tensors.size) {
    throw badGguf(`its parts have ${tensors.size} tensors together, it says ${expected}`);
  }
  return tensors;
}

function refusePart(number: number, count: number): Promise<never> {
  return Promise.reject(
    unsupportedGguf(
      `it is one of ${count} parts and part ${number} is not here`,
      'Choose all parts together.',
      {
        number,
        count,
      },
    ),
  );
}
