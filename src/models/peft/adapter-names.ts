// Names of the arrays of an adapter file: PEFT's prefix and endings, and what other tools make of them. Pure.
import type { AdapterModule } from '../decoder/adapter-modules';

export const PREFIX = 'base_model.model.';

/** Names as training has them: without the prefix; PEFT's `.default` adapter name is dropped too, and the ending
 * `.weight` that some of its versions give magnitudes. */
export function withoutPrefix(name: string): string {
  const bare = name.startsWith(PREFIX) ? name.slice(PREFIX.length) : name;
  return bare
    .replace(/\.(lora_[AB])\.default\.weight$/, '.$1.weight')
    .replace(/\.lora_magnitude_vector(\.default)?(\.weight)?$/, '.lora_magnitude_vector');
}

export type MatrixName = 'a' | 'b' | 'magnitude';

export interface ModuleArray {
  /** As the file has it, without prefixes. */
  path: string;
  matrix: MatrixName;
}

const MATRIX = /^(.+)\.lora_(?:([AB])(?:\.[\w-]+)?\.weight|magnitude_vector(?:\.[\w-]+?)?(?:\.weight)?)$/;
/** What wrappers put before the model: PEFT, torch.compile, data-parallel training. */
const WRAPPERS = /^(?:base_model\.model\.|base_model\.|_orig_mod\.|_fsdp_wrapped_module\.|module\.)+/;
/** A text model within one that sees images; blocks that were compiled, or wrapped for several devices. */
const WITHIN =
  /(^|\.)(?:(?:language_model|text_model|_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.)+/g;

/** null for an array that is no side path of a matrix. */
export function moduleArrayOf(name: string): ModuleArray | null {
  const [, path, letter] = MATRIX.exec(name) ?? [];
  if (path === undefined) return null;
  const matrix = letter === undefined ? 'magnitude' : letter === 'A' ? 'a' : 'b';
  return { path: path.replace(WRAPPERS, '').replace(WITHIN, '$1'), matrix };
}

/** By path; also where the first part of it is missing, as it is of models without their head, or doubled. */
export function moduleAt(modules: ReadonlyMap<string, AdapterModule>, path: string): AdapterModule | null {
  const [head = ''] = ([...modules.keys()][0] ?? '').split('.');
  const shorter = path.startsWith(`${head}.`) ? path.slice(head.length + 1) : path;
  return modules.get(path) ?? modules.get(`${head}.${path}`) ?? modules.get(shorter) ?? null;
}

/**
 * Names by which PEFT finds modules of these kinds and no others: it takes any module whose path ends with one
 * (tuners_utils.py, check_target_module_exists). The shortest that no other kind ends with.
 * @param all kinds that the model has.
 */
export function kindNames(all: readonly string[]): (kind: string) => string {
  return (kind) => {
    const parts = kind.split('.');
    for (let length = 1; length < parts.length; length += 1) {
      const end = parts.slice(-length).join('.');
      if (!all.some((other) => other !== kind && other.endsWith(`.${end}`))) return end;
    }
    return kind;
  };
}
