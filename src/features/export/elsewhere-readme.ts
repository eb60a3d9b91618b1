// README.md of the bundle with which training goes on elsewhere: what lies where, and the commands.
import type { DatasetRecord } from '../../protocol/datasets';
import type { AdapterRecord, ModelRecord } from '../../protocol/models';
import { fileNameOf } from './file-name';
import { ADAPTER_FOLDER, DATASET_FILE, type Recipe } from './training-recipes';

/** Ranks that vLLM knows. */
const VLLM_RANKS = [8, 16, 32, 64, 128, 256, 320, 512];

export function elsewhereReadme(
  adapter: AdapterRecord,
  base: ModelRecord,
  { base: path, samples }: Recipe,
  dataset: DatasetRecord | null,
): string {
  const row =
    samples === 'turns' ? '{"messages": [{"role": "user", "content": "..."}, ...]}' : '{"text": "..."}';
  return [
    `# ${adapter.name}, to go on elsewhere`,
    '',
    `An adapter for ${base.name}, what it was trained on, and configurations to train it further or serve it on larger machines.`,
    '',
    '| | |',
    '|---|---|',
    `| \`${ADAPTER_FOLDER}/\` | the adapter in the layout of PEFT |`,
    `| \`${DATASET_FILE}\` | ${dataset === null ? `yours to put here; one example a line: \`${row}\`` : `${dataset.name}, ${dataset.samples.toLocaleString('en')} examples, one a line: \`${row}\``} |`,
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
    ...serving(adapter, path),
    '',
  ].join('\n');
}

function serving({ name, lora }: AdapterRecord, base: string): string[] {
  if (lora.useDora === true) {
    return [
      'vLLM does not load DoRA adapters: export the model with the adapter merged in as safetensors, then',
      '',
      '```sh',
      'vllm serve ./merged',
      '```',
    ];
  }
  const rank = VLLM_RANKS.find((known) => known >= lora.rank) ?? lora.rank;
  return [
    '```sh',
    `vllm serve ${base} --enable-lora --max-lora-rank ${rank} --lora-modules ${fileNameOf(name, 'adapter')}=./${ADAPTER_FOLDER}`,
    '```',
  ];
}
