// What moves instead of being copied. Ports always move (they cannot be copied); buffers move only where their owner
// gave them away, because a moved buffer is empty afterwards. Blobs travel by reference and need neither.

const givenAway = new WeakSet();

/** Marks an argument or a result: its buffers move, and the sender must not use them again. */
export function transferring<Value extends object>(value: Value): Value {
  givenAway.add(value);
  return value;
}

/** Ports anywhere in `value`, and its buffers where it (or a part of it) was marked or `buffers` is true. */
export function transferablesIn(value: unknown, buffers = false): Transferable[] {
  const found = new Set<Transferable>();
  collect(value, buffers, found, new Set());
  return [...found];
}

function collect(value: unknown, buffers: boolean, found: Set<Transferable>, seen: Set<object>): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  const moves = buffers || givenAway.has(value);
  if (isPort(value)) found.add(value);
  else if (value instanceof ArrayBuffer) addBuffer(value, moves, found);
  else if (ArrayBuffer.isView(value)) addBuffer(value.buffer, moves, found);
  else if (Array.isArray(value)) for (const item of value) collect(item, moves, found, seen);
  else if (isPlain(value)) for (const item of Object.values(value)) collect(item, moves, found, seen);
}

function addBuffer(buffer: ArrayBufferLike, moves: boolean, found: Set<Transferable>): void {
  if (moves && buffer instanceof ArrayBuffer) found.add(buffer);
}

function isPort(value: object): value is MessagePort {
  return typeof MessagePort !== 'undefined' && value instanceof MessagePort;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
