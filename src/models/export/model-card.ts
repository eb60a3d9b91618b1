// README.md of an exported model, in the form of the Hugging Face hub's model cards: where it comes from, under what licence,
// what went into it, and how it is opened.
import type { SafetensorsType } from '../../lib/formats/safetensors';
import { titleOf, type ExportedAdapter, type ExportSource } from './export-source';

export type CardForm = { kind: 'safetensors'; type: SafetensorsType } | { kind: 'onnx' };

export function modelCard(source: ExportSource, form: CardForm): string {
  const { model, adapter } = source;
  return [
    '---',
    `library_name: ${form.kind === 'onnx' ? 'transformers.js' : 'transformers'}`,
    'pipeline_tag: text-generation',
    `base_model: ${JSON.stringify(model.name)}`,
    ...(model.license === null ? [] : [`license: ${JSON.stringify(model.license)}`]),
    '---',
    '',
    `# ${titleOf(source)}`,
    '',
    adapter === null
      ? `${model.name}, written by Fragua in a browser.`
      : `${model.name} with the adapter ${adapter.record.name} merged into its weights, made with Fragua in a browser.`,
    '',
    '| | |',
    '|---|---|',
    `| Base | ${model.name} |`,
    `| Licence of the base | ${model.license ?? 'not stated; ask where the base came from'} |`,
    `| Weights | ${model.parameters.toLocaleString('en')} |`,
    `| Context | ${model.contextLength.toLocaleString('en')} tokens |`,
    `| Stored as | ${form.kind === 'onnx' ? 'ONNX: F32 (`model.onnx`) and 4 bits (`model_q4.onnx`)' : form.type} |`,
    `| SHA-256 of the base's weights | \`${model.fingerprint}\` |`,
    ...(adapter === null ? [] : adapterRows(adapter)),
    '',
    ...(form.kind === 'onnx' ? JAVASCRIPT : PYTHON),
    '',
  ].join('\n');
}

function adapterRows({ lora, record }: ExportedAdapter): string[] {
  const variants = [
    ...(lora.useRslora === true ? ['rsLoRA'] : []),
    ...(lora.useDora === true ? ['DoRA'] : []),
  ];
  const storage = record.baseStorage ?? 'f32';
  return [
    `| Adapter | ${record.name}: ${variants.join(', ') || 'LoRA'}, rank ${lora.rank}, alpha ${lora.alpha}, on ${lora.targets.join(', ')} |`,
    ...(storage === 'f32'
      ? []
      : [`| Trained over | the base in ${storage}; merged into its full weights here |`]),
  ];
}

const PYTHON = [
  '```python',
  'from transformers import AutoModelForCausalLM, AutoTokenizer',
  '',
  'model = AutoModelForCausalLM.from_pretrained("path/to/this/folder")',
  'tokenizer = AutoTokenizer.from_pretrained("path/to/this/folder")',
  '```',
];

const JAVASCRIPT = [
  '```js',
  "import { env, pipeline } from '@huggingface/transformers';",
  '',
  '// The folder lies under /models/ of the page.',
  'env.allowLocalModels = true;',
  "const generate = await pipeline('text-generation', 'name-of-this-folder', { dtype: 'fp32' }); // or 'q4'",
  '```',
];
