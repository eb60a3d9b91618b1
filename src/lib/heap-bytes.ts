// Bytes of this realm's JavaScript heap, where the browser tells (Chromium's performance.memory).

/** null elsewhere. */
export function heapBytes(): number | null {
  const memory: unknown = Reflect.get(performance, 'memory');
  if (typeof memory !== 'object' || memory === null) return null;
  const used: unknown = Reflect.get(memory, 'usedJSHeapSize');
  return typeof used === 'number' ? used : null;
}
