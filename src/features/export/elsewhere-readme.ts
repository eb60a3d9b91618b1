// README.md of the bundle with which training goes on elsewhere: what lies where, and the commands.
import type { AdapterRecord, ModelRecord } from '../../protocol/models';
import type { BundledDataset } from './bundled-datasets';
import { fileNameOf } from './file-name';
import {
  ADAPTER_FOLDER,
  DATA_FOLDER,
  SOLE_DATASET,
  type Recipe,
  type RecipeDataset,
} from './training-recipes';

/** Ranks that vLLM knows. */
const VLLM_RANKS = [8, 16, 32, 64, 128, 256, 320, 512];

export function elsewhereReadme(
  adapter: AdapterRecord,
  base: ModelRecord,
  { base: path }: Recipe,
  { datasets, rank }: { datasets: readonly BundledDataset[]; rank: number },
): string {
  return [
    `# ${adapter.name}, to go on elsewhere`,
    '',
    `An adapter for ${base.name}, what it was trained on, and configurations to train it further or serve it on larger machines.`,
    '',
    '| | |',
    '|---|---|',
    `| \`${ADAPTER_FOLDER}/\` | the adapter in the layout of PEFT |`,
    ...(datasets.length === 0
      ? [`| ${pathOf(SOLE_DATASET)} | yours to put here; one example a line: \`${rowOf(SOLE_DATASET)}\` |`]
      : datasets.map((dataset) => `| ${pathOf(dataset)} | ${describe(dataset)} |`)),
    '| `llama-factory.yaml` | LLaMA-Factory |',
    '| `axolotl.yaml` | axolotl |',
    '',
    base.source === undefined
      ? `The base goes into \`base/\`: export ${base.name} as safetensors and unpack it there. It is held to SHA-256 \`${base.fingerprint}\`.`
      : `The base is [${base.source.repositoryId}](https://huggingface.co/${base.source.repositoryId}/tree/${base.source.commit}), licence ${base.license ?? 'not stated'}.`,
    '',
    '## Train',
    '',
    '```sh',
    'llamafactory-cli train llama-factory.yaml            # one device or several',
    'USE_RAY=1 llamafactory-cli train llama-factory.yaml  # on a Ray cluster',
    'axolotl train axolotl.yaml',
    '```',
    '',
    'Both run on DeepSpeed and FSDP; a commented line in each file says where the configuration goes.',
    '',
    '## Serve',
    '',
    ...serving(adapter, base, { path, rank }),
    '',
  ].join('\n');
}

const pathOf = ({ file }: RecipeDataset): string => `\`${DATA_FOLDER}/${file}\``;

const rowOf = ({ samples }: RecipeDataset): string =>
  samples === 'turns' ? '{"messages": [{"role": "user", "content": "..."}, ...]}' : '{"text": "..."}';

function describe(dataset: BundledDataset): string {
  const { record, weight } = dataset;
  const part =
    weight === 1 ? '' : weight === 0 ? '; held out' : `; ${(weight * 100).toFixed(1)} % of what was drawn`;
  return `${record.name}, ${record.samples.toLocaleString('en')} examples, one a line: \`${rowOf(dataset)}\`${part}`;
}

/** Families whose models vLLM runs without adapters (its supported models, column LoRA). */
const VLLM_WITHOUT_LORA: readonly ModelRecord['family'][] = ['gpt2'];

function serving(
  { name, lora }: AdapterRecord,
  { family }: ModelRecord,
  { path, rank }: { path: string; rank: number },
): string[] {
  const isRefused = lora.useDora === true || VLLM_WITHOUT_LORA.includes(family);
  if (isRefused) {
    const what = lora.useDora === true ? 'DoRA adapters' : 'adapters of this family';
    return [
      `vLLM does not load ${what}: export the model with the adapter merged in as safetensors, then`,
      '',
      '```sh',
      'vllm serve ./merged',
      '```',
    ];
  }
  const most = VLLM_RANKS.find((known) => known >= rank) ?? rank;
  return [
    '```sh',
    `vllm serve ${path} --enable-lora --max-lora-rank ${most} --lora-modules ${fileNameOf(name, 'adapter')}=./${ADAPTER_FOLDER}`,
    '```',
  ];
}
