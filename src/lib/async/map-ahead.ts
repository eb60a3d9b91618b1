// Works on the items of a sequence some ahead of its reader: results come in the sequence's order, and never more than
// `ahead` are under way. Nothing more is taken from the source once the reader stops.

export async function* mapAhead<Item, Result>(
  source: Iterable<Item> | AsyncIterable<Item>,
  ahead: number,
  work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result> {
  const underWay: Promise<Result>[] = [];
  for await (const item of source) {
    const result = work(item);
    // The reader meets the failure in its turn; until then it is nobody's.
    result.catch(() => undefined);
    underWay.push(result);
    const first = underWay.length < ahead ? undefined : underWay.shift();
    if (first !== undefined) yield await first;
  }
  for (const result of underWay) yield await result;
}
