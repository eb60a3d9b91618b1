// Output projection and cross-entropy in one, over the rows that have a label, a tile of rows at a time: neither a
// one-hot matrix nor all logits ever exist. The loss is a sum in nats; so are the gradients.
import * as tf from '@tensorflow/tfjs-core';
import { fromInts, scope, type Tensor } from '../tensor';
import { gatherRows, scatterAddRows } from './embedding';
import { matMul } from './mat-mul';

/** Logits of one tile, at most: rows per tile follow from the vocabulary. */
export const LOGITS_TILE_BYTES = 64 * 1024 * 1024;

export interface CrossEntropyGradients {
  /** [rows, hidden] */
  dHidden: Tensor;
  /** [hidden, vocabulary]; null unless asked for. */
  dHead: Tensor | null;
}

interface Tile {
  /** Rows of `hidden`. */
  rows: Int32Array;
  labels: Int32Array;
}

/** Labels below 0 take no part. */
export function planTiles(labels: Int32Array, vocabSize: number, tileBytes = LOGITS_TILE_BYTES): Tile[] {
  const rows = Int32Array.from(labels.keys()).filter((row) => (labels[row] ?? -1) >= 0);
  const perTile = Math.max(1, Math.floor(tileBytes / (4 * vocabSize)));
  const tiles: Tile[] = [];
  for (let start = 0; start < rows.length; start += perTile) {
    const part = rows.slice(start, start + perTile);
    tiles.push({ rows: part, labels: part.map((row) => labels[row] ?? 0) });
  }
  return tiles;
}

/** [[0, label 0], [1, label 1], ...] */
function labelIndices(labels: Int32Array): Tensor {
  const indices = new Int32Array(labels.length * 2);
  labels.forEach((label, row) => {
    indices[2 * row] = row;
    indices[2 * row + 1] = label;
  });
  return fromInts(indices, [labels.length, 2]);
}

function tileRows(hidden: Tensor, { rows }: Tile): Tensor {
  return rows.length === hidden.shape[0] ? hidden : gatherRows(hidden, rows);
}

/** log-sum-exp by way of the softmax: at the largest logit p = 1 / sum exp(z - max), which never underflows. */
function lossOf(logits: Tensor, probabilities: Tensor, indices: Tensor): Tensor {
  const logSumExp = tf.sub(tf.max(logits, 1), tf.log(tf.max(probabilities, 1)));
  return tf.sum(tf.sub(logSumExp, tf.gatherND(logits, indices)));
}

/** @param hidden [rows, hidden]; @param head [hidden, vocabulary]. @returns the summed loss, a scalar. */
export function crossEntropy(hidden: Tensor, head: Tensor, labels: Int32Array): Tensor {
  return scope(() => {
    const losses = planTiles(labels, head.shape[1] ?? 1).map((tile) =>
      scope(() => {
        const logits = matMul(tileRows(hidden, tile), head);
        return lossOf(logits, tf.softmax(logits), labelIndices(tile.labels));
      }),
    );
    return losses.length === 0 ? tf.scalar(0) : tf.addN(losses);
  });
}

interface TileResult {
  loss: Tensor;
  dRows: Tensor;
  dHead: Tensor | null;
}

function tileGradients(hidden: Tensor, head: Tensor, tile: Tile, wantsHead: boolean): TileResult {
  return scope(() => {
    const rows = tileRows(hidden, tile);
    const logits = matMul(rows, head);
    const probabilities = tf.softmax(logits);
    const indices = labelIndices(tile.labels);
    // First: on the cpu backend, tensorScatterUpdate writes into the array that it is given.
    const loss = lossOf(logits, probabilities, indices);
    const atLabel = tf.sub(tf.gatherND(probabilities, indices), 1);
    const dLogits = tf.tensorScatterUpdate(probabilities, indices, atLabel);
    return {
      loss,
      dRows: matMul(dLogits, head, { transposeB: true }),
      dHead: wantsHead ? matMul(rows, dLogits, { transposeA: true }) : null,
    };
  });
}

/** Like `crossEntropy`, with the gradients of the summed loss. */
export function crossEntropyWithGradients(
  hidden: Tensor,
  head: Tensor,
  labels: Int32Array,
  wantsHead: boolean,
): { loss: Tensor; gradients: CrossEntropyGradients } {
  return scope(() => {
    const [rows, size] = [hidden.shape[0] ?? 0, hidden.shape[1] ?? 0];
    let loss: Tensor = tf.scalar(0);
    let dHidden: Tensor | null = null;
    let dHead: Tensor | null = null;
    for (const tile of planTiles(labels, head.shape[1] ?? 1)) {
      const result = tileGradients(hidden, head, tile, wantsHead);
      const placed = tile.rows.length === rows ? result.dRows : scatterAddRows(result.dRows, tile.rows, rows);
      loss = tf.add(loss, result.loss);
      dHidden = dHidden === null ? placed : tf.add(dHidden, placed);
      if (result.dHead !== null) dHead = dHead === null ? result.dHead : tf.add(dHead, result.dHead);
    }
    return { loss, gradients: { dHidden: dHidden ?? tf.zeros([rows, size]), dHead } };
  });
}
