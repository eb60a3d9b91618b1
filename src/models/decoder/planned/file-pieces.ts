// Which bytes of a model's files are read together: stretches of a file in its own order, each with the parts of arrays
// that lie in it. Small arrays share a stretch, large ones take several, cut where the device can begin anew. Pure: what
// is to be read, not the reading.
import { elements, GROUP_SIZE } from '../../../engine/planned';
import { GGUF_LAYOUTS } from '../../../lib/formats/gguf/gguf-types';
import type { StoredArray } from '../../file-layout';

/** Elements of one array that lie behind each other. */
export interface ArrayPart {
  name: string;
  array: StoredArray;
  /** Elements of the array in front of it, and its own. */
  start: number;
  count: number;
  /** Bytes from the start of the file. */
  begin: number;
  end: number;
}

export interface FilePiece {
  file: Blob;
  begin: number;
  end: number;
  parts: ArrayPart[];
}

/** What lies between two arrays and nobody wants is read along with them up to here: alignment, not other arrays. */
const MOST_GAP_BYTES = 4096;

/** Bytes that some elements of an array take. */
export function storedBytes({ type }: StoredArray, count: number): number {
  const { blockSize, blockBytes } = GGUF_LAYOUTS[type];
  return (count / blockSize) * blockBytes;
}

/** Elements that stay together: blocks, groups in few bits, and heads whose rows change places. */
export function unitOf({ type, shape, headSize }: StoredArray): number {
  if (headSize !== null) return headSize * elements(shape.slice(1));
  return Math.max(GGUF_LAYOUTS[type].blockSize, GROUP_SIZE);
}

/** The array in parts that fit into what is left of a stretch, then into whole ones. */
function* partsOf(
  name: string,
  array: StoredArray,
  mostBytes: number,
  usedBytes: (begin: number) => number,
): Generator<ArrayPart> {
  const all = elements(array.shape);
  const unit = unitOf(array);
  const unitBytes = storedBytes(array, unit);
  let [start, begin] = [0, array.begin];
  while (start < all) {
    const room = Math.floor((mostBytes - usedBytes(begin)) / unitBytes);
    const most = room > 0 ? room : Math.max(1, Math.floor(mostBytes / unitBytes));
    const count = Math.min(most * unit, all - start);
    const end = begin + storedBytes(array, count);
    yield { name, array, start, count, begin, end };
    [start, begin] = [start + count, end];
  }
}

/**
 * @param mostBytes of a stretch, unless what stays together has more.
 * @returns every element of every array once, by file in the order of its bytes.
 */
export function* filePieces(
  arrays: ReadonlyMap<string, StoredArray>,
  mostBytes: number,
): Generator<FilePiece, void> {
  for (const file of new Set([...arrays.values()].map((array) => array.file))) {
    const own = [...arrays].filter(([, array]) => array.file === file);
    let piece: FilePiece | null = null;
    const usedBytes = (begin: number): number => (piece === null ? 0 : begin - piece.begin);
    for (const [name, array] of own.sort(([, a], [, b]) => a.begin - b.begin)) {
      for (const part of partsOf(name, array, mostBytes, usedBytes)) {
        const isApart =
          piece !== null && (part.begin - piece.end > MOST_GAP_BYTES || part.end - piece.begin > mostBytes);
        if (piece !== null && isApart) yield piece;
        if (piece === null || isApart) piece = { file, begin: part.begin, end: part.end, parts: [] };
        piece.parts.push(part);
        piece.end = part.end;
      }
    }
    if (piece !== null) yield piece;
  }
}
