// What a pane of a dataset is given, whatever it holds.
import type { Snippet } from 'svelte';
import type { DatasetRecord } from '../../../protocol/datasets';
import type { DatasetsState } from '../../state/datasets.svelte';
import type { SourceAction } from './backend-actions';

export interface DatasetPaneProps {
  datasets: DatasetsState;
  dataset: DatasetRecord;
  /** What its source can do, before its own actions. */
  actions?: Snippet;
  /** What stands in the way of its source, under the head. */
  notices?: Snippet;
  /** How it is configured; without it its format can be corrected. */
  configuration?: Snippet;
  /** At the end of the menu. */
  sourceActions?: readonly SourceAction[];
}
