// Several streams as one, in the order in which their items come; only so many run at a time. Ending it early ends those that
// run; the error of one ends them all.

/** @param most streams that run at once. */
export async function* mergeStreams<Item>(
  streams: Iterable<AsyncIterable<Item>>,
  most: number,
): AsyncGenerator<Item, void> {
  const waiting = [...streams];
  const running = new Map<AsyncIterator<Item>, Promise<Step<Item>>>();
  const advance = (stream: AsyncIterator<Item>): void => {
    running.set(
      stream,
      stream.next().then((result) => ({ stream, result })),
    );
  };
  const begin = (): void => {
    const next = waiting.shift();
    if (next !== undefined) advance(next[Symbol.asyncIterator]());
  };
  try {
    for (let i = 0; i < most; i += 1) begin();
    while (running.size > 0) {
      const { stream, result } = await Promise.race(running.values());
      running.delete(stream);
      if (result.done === true) {
        begin();
        continue;
      }
      advance(stream);
      yield result.value;
    }
  } finally {
    await Promise.allSettled([...running.keys()].map(async (stream) => stream.return?.()));
  }
}

interface Step<Item> {
  stream: AsyncIterator<Item>;
  result: IteratorResult<Item, unknown>;
}
