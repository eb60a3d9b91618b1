// The batches of an evaluation: always the same, short rows first.
export function evaluationBatches(rowLengths: readonly number[], batchSize: number): number[][] {
  const rows = [...rowLengths.keys()];
  rows.sort((a, b) => (rowLengths[a] ?? 0) - (rowLengths[b] ?? 0) || a - b);
  const batches: number[][] = [];
  for (let start = 0; start < rows.length; start += batchSize) {
    batches.push(rows.slice(start, start + batchSize));
  }
  return batches;
}
