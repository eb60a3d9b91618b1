// Between the two ways to keep a BPE vocabulary: merges in their order (tokenizer.json), or a score for each token
// (SentencePiece, GGUF's `llama` model). Pure. A pair is merged the earlier, the higher the score of what it makes.

export type Merge = [left: string, right: string];

/**
 * All ways to make a token of two others, best score first; of one token, those of earlier parts first. The order in which
 * Hugging Face converts SentencePiece models.
 * @param scores of the tokens that text can become; special ones are left out.
 */
export function mergesOfScores(scores: ReadonlyMap<string, number>): Merge[] {
  const ids = new Map([...scores.keys()].map((token, id) => [token, id]));
  const found: { merge: Merge; score: number; lengths: Lengths }[] = [];
  for (const [token, score] of scores) {
    const characters = [...token];
    const splits = splitsOf(characters).filter(([left, right]) => ids.has(left) && ids.has(right));
    splits.sort((a, b) => idOf(ids, a[0]) - idOf(ids, b[0]) || idOf(ids, a[1]) - idOf(ids, b[1]));
    for (const merge of splits) {
      const left = [...merge[0]].length;
      found.push({ merge, score, lengths: [left, characters.length - left] });
    }
  }
  found.sort((a, b) => b.score - a.score || b.lengths[0] - a.lengths[0] || b.lengths[1] - a.lengths[1]);
  return found.map(({ merge }) => merge);
}

type Lengths = [left: number, right: number];

const idOf = (ids: ReadonlyMap<string, number>, token: string): number => ids.get(token) ?? -1;

function splitsOf(characters: readonly string[]): Merge[] {
  const splits: Merge[] = [];
  for (let i = 1; i < characters.length; i += 1) {
    splits.push([characters.slice(0, i).join(''), characters.slice(i).join('')]);
  }
  return splits;
}

/** The score of every token that a merge makes: minus the place of the first one that does. */
export function scoresOfMerges(merges: readonly Merge[]): Map<string, number> {
  const scores = new Map<string, number>();
  merges.forEach(([left, right], place) => {
    const token = left + right;
    if (!scores.has(token)) scores.set(token, -place);
  });
  return scores;
}
